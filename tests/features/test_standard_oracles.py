"""The features of standard@1 that technical@1 lacks, against TA-Lib, pandas and SciPy."""

import numpy as np
import pandas as pd
import pytest
import talib
from oracle_bars import MARKETS, WARM_UP, largest_gap, rows_of
from scipy import stats

from ordinis_mlflow.features import STANDARD_1, TECHNICAL_1, kernels
from ordinis_mlflow.features.oscillators import trix
from ordinis_mlflow.features.trend import average_directional_index, directional_movement


@pytest.fixture(scope="module", params=list(MARKETS))
def market(request: pytest.FixtureRequest) -> pd.DataFrame:
    return MARKETS[request.param]()


def arrays(bars: pd.DataFrame, *names: str) -> list[np.ndarray]:
    return [bars[name].to_numpy() for name in names]


def hlc(bars: pd.DataFrame) -> list[np.ndarray]:
    return arrays(bars, "high", "low", "close")


def directional_movement_of_talib(bars: pd.DataFrame) -> np.ndarray:
    return talib.PLUS_DI(*hlc(bars), 14) - talib.MINUS_DI(*hlc(bars), 14)


# With the memory made long enough only rounding is left: the definition itself is TA-Lib's.
@pytest.mark.parametrize(
    ("make", "oracle"),
    [
        (lambda: trix(15), lambda bars: talib.TRIX(bars.close.to_numpy(), 15) / 100),
        (lambda: directional_movement(14), directional_movement_of_talib),
        (lambda: average_directional_index(14), lambda bars: talib.ADX(*hlc(bars), 14)),
    ],
    ids=["trix", "directional_movement", "adx"],
)
def test_recursive_indicator_with_a_long_memory_is_talibs(make, oracle, market, monkeypatch):
    monkeypatch.setattr(kernels, "LEFT_OUT", 1e-15)
    assert largest_gap(rows_of(make(), market), oracle(market)) < 1e-10


def bandwidth_of_talib(bars: pd.DataFrame) -> np.ndarray:
    upper, middle, lower = talib.BBANDS(bars.close.to_numpy(), 20, 2.0, 2.0)
    return (upper - lower) / middle


def r_squared_of_talib(bars: pd.DataFrame) -> np.ndarray:
    time = np.arange(len(bars), dtype=np.float64)
    return talib.CORREL(time, bars.close.to_numpy(), 20) ** 2


def slope_of_talib(bars: pd.DataFrame) -> np.ndarray:
    return talib.LINEARREG_SLOPE(bars.close.to_numpy(), 20) / bars.close.to_numpy()


TALIB = {
    "stochastic_k_14": lambda bars: talib.STOCHF(*hlc(bars), 14, 3, 0)[0],
    "stochastic_d_14_3": lambda bars: talib.STOCHF(*hlc(bars), 14, 3, 0)[1],
    "ultimate_oscillator_7_14_28": lambda bars: talib.ULTOSC(*hlc(bars), 7, 14, 28),
    "regression_slope_20": slope_of_talib,
    "regression_r_squared_20": r_squared_of_talib,
    "bollinger_bandwidth_20": bandwidth_of_talib,
    "money_flow_index_14": lambda bars: talib.MFI(*hlc(bars), bars.volume.to_numpy(), 14),
}


# TA-Lib keeps running sums, and variances as E[x²] − E[x]²: the 1e-8 is its rounding.
@pytest.mark.parametrize("name", list(TALIB))
def test_windowed_indicator_is_talibs(name, market):
    feature = STANDARD_1.features[STANDARD_1.names.index(name)]
    assert largest_gap(rows_of(feature, market), TALIB[name](market)) < 1e-8


def returns(bars: pd.DataFrame) -> pd.Series:
    return np.log(bars.close / bars.close.shift())


def root_mean_square(x: pd.Series, n: int) -> pd.Series:
    return (x**2).rolling(n).mean() ** 0.5


def close_over_mean(bars: pd.DataFrame, n: int) -> pd.Series:
    return np.log(bars.close / bars.close.rolling(n).mean())


def efficiency_ratio(bars: pd.DataFrame) -> pd.Series:
    return bars.close.diff(20).abs() / bars.close.diff().abs().rolling(20).sum()


def true_strength_index(bars: pd.DataFrame) -> pd.Series:
    """With the weights of a finite memory written out."""
    move = bars.close.diff()

    def smooth(x: pd.Series) -> pd.Series:
        for span in (25, 13):
            decay = 1 - 2 / (span + 1)
            weights = decay ** np.arange(np.ceil(np.log(1e-3) / np.log(decay)))[::-1]
            x = x.rolling(len(weights)).apply(
                lambda w, k=weights: (w * k).sum() / k.sum(), raw=True
            )
        return x

    return 100 * smooth(move) / smooth(move.abs())


def true_extremes(bars: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    before = bars.close.shift()
    known = before.notna()
    return np.maximum(bars.high, before).where(known), np.minimum(bars.low, before).where(known)


def vortex(bars: pd.DataFrame) -> pd.Series:
    top, bottom = true_extremes(bars)
    up = (bars.high - bars.low.shift()).abs().rolling(14).sum()
    down = (bars.low - bars.high.shift()).abs().rolling(14).sum()
    return (up - down) / (top - bottom).rolling(14).sum()


def choppiness(bars: pd.DataFrame) -> pd.Series:
    top, bottom = true_extremes(bars)
    span = top.rolling(14).max() - bottom.rolling(14).min()
    return 100 * np.log10((top - bottom).rolling(14).sum() / span) / np.log10(14)


def ewma_volatility(bars: pd.DataFrame) -> pd.Series:
    weights = 0.94 ** np.arange(112)[::-1]
    squares = (returns(bars) ** 2).rolling(112)
    return squares.apply(lambda w: (w * weights).sum() / weights.sum(), raw=True) ** 0.5


def rogers_satchell(bars: pd.DataFrame) -> pd.Series:
    high, low = np.log(bars.high / bars.open), np.log(bars.low / bars.open)
    close = np.log(bars.close / bars.open)
    return (high * (high - close) + low * (low - close)).rolling(20).mean()


def yang_zhang(bars: pd.DataFrame) -> pd.Series:
    gaps = np.log(bars.open / bars.close.shift()).rolling(20).var()
    days = np.log(bars.close / bars.open).rolling(20).var()
    k = 0.34 / (1.34 + 21 / 19)
    return (gaps + k * days + (1 - k) * rogers_satchell(bars)) ** 0.5


def ulcer_index(bars: pd.DataFrame) -> pd.Series:
    peak = bars.close.rolling(14).max()
    return root_mean_square((bars.close - peak) / peak, 14)


def shape(statistic, bars: pd.DataFrame) -> pd.Series:
    return returns(bars).rolling(60).apply(statistic, raw=True)


def downside_share(bars: pd.DataFrame) -> pd.Series:
    squares = returns(bars) ** 2
    return squares.where(returns(bars) < 0, 0.0).rolling(20).sum() / squares.rolling(20).sum()


def jump_share(bars: pd.DataFrame) -> pd.Series:
    sizes = returns(bars).abs()
    bipower = np.pi / 2 * (sizes * sizes.shift()).rolling(19).mean()
    return (1 - bipower / (sizes**2).rolling(20).mean()).clip(lower=0)


def autocorrelation(bars: pd.DataFrame) -> pd.Series:
    now, before = returns(bars), returns(bars).shift()
    sizes = (now**2).rolling(60).sum() * (before**2).rolling(60).sum()
    return (now * before).rolling(60).sum() / sizes**0.5


def variance_ratio(bars: pd.DataFrame) -> pd.Series:
    together = np.log(bars.close / bars.close.shift(5))
    return (together**2).rolling(56).mean() / (5 * (returns(bars) ** 2).rolling(60).mean())


def on_balance_volume(bars: pd.DataFrame) -> pd.Series:
    signed = (np.sign(bars.close.diff()) * bars.volume).rolling(20).sum()
    return signed / bars.volume.rolling(20).sum()


def location(bars: pd.DataFrame) -> pd.Series:
    span = bars.high - bars.low
    return ((bars.close - bars.low - (bars.high - bars.close)) / span).where(span > 0, 0.0)


def chaikin_money_flow(bars: pd.DataFrame) -> pd.Series:
    return (location(bars) * bars.volume).rolling(20).sum() / bars.volume.rolling(20).sum()


def vwap_distance(bars: pd.DataFrame) -> pd.Series:
    traded = ((bars.high + bars.low + bars.close) / 3 * bars.volume).rolling(20).sum()
    return 1 - traded / bars.volume.rolling(20).sum() / bars.close


def illiquidity_ratio(bars: pd.DataFrame) -> pd.Series:
    impact = returns(bars).abs() / (bars.close * bars.volume)
    return impact.rolling(20).mean() / impact.rolling(120).mean()


def of_range(bars: pd.DataFrame, part: pd.Series) -> pd.Series:
    return (part / (bars.high - bars.low)).where(bars.high > bars.low, 0.0)


PANDAS = {
    "log_return_10": lambda bars: np.log(bars.close).diff(10),
    "log_return_60": lambda bars: np.log(bars.close).diff(60),
    "momentum_252_21": lambda bars: np.log(bars.close.shift(21) / bars.close.shift(252)),
    "distance_to_high_252": lambda bars: np.log(bars.close / bars.high.rolling(252).max()),
    "distance_to_low_252": lambda bars: np.log(bars.close / bars.low.rolling(252).min()),
    "efficiency_ratio_20": efficiency_ratio,
    "true_strength_index_25_13": true_strength_index,
    "close_over_mean_20": lambda bars: close_over_mean(bars, 20),
    "close_over_mean_50": lambda bars: close_over_mean(bars, 50),
    "close_over_mean_200": lambda bars: close_over_mean(bars, 200),
    "mean_crossover_50_200": lambda bars: close_over_mean(bars, 200) - close_over_mean(bars, 50),
    "vortex_14": vortex,
    "choppiness_14": choppiness,
    "realised_volatility_5": lambda bars: root_mean_square(returns(bars), 5),
    "realised_volatility_60": lambda bars: root_mean_square(returns(bars), 60),
    "ewma_volatility_94": ewma_volatility,
    "rogers_satchell_volatility_20": lambda bars: rogers_satchell(bars) ** 0.5,
    "yang_zhang_volatility_20": yang_zhang,
    "volatility_ratio_5_60": lambda bars: (
        root_mean_square(returns(bars), 5) / root_mean_square(returns(bars), 60)
    ),
    "ulcer_index_14": ulcer_index,
    "skewness_60": lambda bars: shape(stats.skew, bars),
    "excess_kurtosis_60": lambda bars: shape(stats.kurtosis, bars),
    "downside_share_20": downside_share,
    "jump_share_20": jump_share,
    "autocorrelation_1_60": autocorrelation,
    "variance_ratio_5_60": variance_ratio,
    "volume_ratio_5_20": lambda bars: (
        bars.volume.rolling(5).mean() / bars.volume.rolling(20).mean()
    ),
    "on_balance_volume_20": on_balance_volume,
    "chaikin_money_flow_20": chaikin_money_flow,
    "vwap_distance_20": vwap_distance,
    "illiquidity_ratio_20_120": illiquidity_ratio,
    "price_volume_correlation_20": lambda bars: returns(bars).rolling(20).corr(bars.volume),
    "overnight_gap": lambda bars: np.log(bars.open / bars.close.shift()),
    "intraday_return": lambda bars: np.log(bars.close / bars.open),
    "close_location": location,
    "body_share": lambda bars: of_range(bars, bars.close - bars.open),
    "upper_shadow": lambda bars: of_range(bars, bars.high - bars[["open", "close"]].max(axis=1)),
    "lower_shadow": lambda bars: of_range(bars, bars[["open", "close"]].min(axis=1) - bars.low),
}
ROUNDING = {"price_volume_correlation_20": 1e-7}
"""In standard deviations; pandas keeps running sums, which blur what is small beside its past."""


@pytest.mark.parametrize("name", list(PANDAS))
def test_feature_is_pandas(name, market):
    bars = market.iloc[: WARM_UP + 500]
    mine = rows_of(STANDARD_1.features[STANDARD_1.names.index(name)], bars)
    theirs = PANDAS[name](bars).to_numpy()
    room = ROUNDING.get(name, 1e-9) * np.nanstd(theirs)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=room)


def test_every_feature_has_an_oracle():
    recursive = {"trix_15", "directional_movement_14", "average_directional_index_14"}
    assert set(STANDARD_1.names) - set(TECHNICAL_1.names) == {*TALIB, *PANDAS, *recursive}
