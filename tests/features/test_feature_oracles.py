"""Features against independent implementations: TA-Lib and pandas."""

import numpy as np
import pandas as pd
import pytest
import talib
from oracle_bars import MARKETS, largest_gap, rows_of

from ordinis_mlflow.features import TECHNICAL_1, BarArrays, History, kernels
from ordinis_mlflow.features.oscillators import rsi
from ordinis_mlflow.features.trend import macd_histogram, macd_line
from ordinis_mlflow.features.volatility import average_true_range, bollinger_percent_b


@pytest.fixture(scope="module", params=list(MARKETS))
def market(request: pytest.FixtureRequest) -> pd.DataFrame:
    return MARKETS[request.param]()


def rsi_of_talib(bars: pd.DataFrame) -> np.ndarray:
    return talib.RSI(bars.close.to_numpy(), 14)


def macd_of_talib(bars: pd.DataFrame) -> np.ndarray:
    return talib.MACD(bars.close.to_numpy(), 12, 26, 9)[0] / bars.close.to_numpy()


def histogram_of_talib(bars: pd.DataFrame) -> np.ndarray:
    return talib.MACD(bars.close.to_numpy(), 12, 26, 9)[2] / bars.close.to_numpy()


def range_of_talib(bars: pd.DataFrame) -> np.ndarray:
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    return talib.ATR(high, low, close, 14) / close


def percent_b_of_talib(bars: pd.DataFrame) -> np.ndarray:
    upper, _, lower = talib.BBANDS(bars.close.to_numpy(), 20, 2.0, 2.0)
    return (bars.close.to_numpy() - lower) / (upper - lower)


# TA-Lib averages over the whole past. Ours leaves out 1e-3 of the weight and renormalises, so it
# differs by about 1e-3 of the change over its memory, which a trend makes many times the feature's
# own deviation. Measured on these bars (sp500, probe): RSI 0.0088, 0.0103; MACD 0.0384, 0.0200;
# histogram 0.0189, 0.0211; ATR 0.0064, 0.0033.
@pytest.mark.parametrize(
    ("feature", "oracle", "tolerance"),
    [
        (rsi(14), rsi_of_talib, {"sp500": 0.0095, "probe": 0.011}),
        (macd_line(12, 26), macd_of_talib, {"sp500": 0.041, "probe": 0.022}),
        (macd_histogram(12, 26, 9), histogram_of_talib, {"sp500": 0.021, "probe": 0.023}),
        (average_true_range(14), range_of_talib, {"sp500": 0.0070, "probe": 0.0036}),
    ],
    ids=["rsi", "macd", "histogram", "atr"],
)
@pytest.mark.parametrize("market_name", list(MARKETS))
def test_recursive_indicator_is_talibs_but_for_its_finite_memory(
    feature, oracle, tolerance, market_name
):
    bars = MARKETS[market_name]()
    assert largest_gap(rows_of(feature, bars), oracle(bars)) < tolerance[market_name]


# With the memory made long enough only rounding is left: the definition itself is TA-Lib's.
@pytest.mark.parametrize(
    ("make", "oracle"),
    [
        (lambda: rsi(14), rsi_of_talib),
        (lambda: macd_line(12, 26), macd_of_talib),
        (lambda: macd_histogram(12, 26, 9), histogram_of_talib),
        (lambda: average_true_range(14), range_of_talib),
    ],
    ids=["rsi", "macd", "histogram", "atr"],
)
def test_recursive_indicator_with_a_long_memory_is_talibs(make, oracle, market, monkeypatch):
    monkeypatch.setattr(kernels, "LEFT_OUT", 1e-15)
    assert largest_gap(rows_of(make(), market), oracle(market)) < 1e-10


# TA-Lib's variance is E[x²] − E[x]² of whole prices: the 1e-10 is its rounding.
def test_percent_b_is_talibs(market):
    assert largest_gap(rows_of(bollinger_percent_b(20), market), percent_b_of_talib(market)) < 2e-10


def squares_over_20(x: pd.Series) -> pd.Series:
    return (x**2).rolling(20).mean()


def garman_klass(bars: pd.DataFrame) -> pd.Series:
    spans = squares_over_20(np.log(bars.high / bars.low))
    bodies = squares_over_20(np.log(bars.close / bars.open))
    return (0.5 * spans - (2 * np.log(2) - 1) * bodies) ** 0.5


def volume_z(bars: pd.DataFrame) -> pd.Series:
    window = bars.volume.rolling(20)
    return (bars.volume - window.mean()) / window.std(ddof=0)


PANDAS = {
    "log_return_1": lambda bars: np.log(bars.close).diff(),
    "log_return_5": lambda bars: np.log(bars.close).diff(5),
    "log_return_20": lambda bars: np.log(bars.close).diff(20),
    "realised_volatility_20": lambda bars: squares_over_20(np.log(bars.close).diff()) ** 0.5,
    "parkinson_volatility_20": lambda bars: (
        (squares_over_20(np.log(bars.high / bars.low)) / (4 * np.log(2))) ** 0.5
    ),
    "garman_klass_volatility_20": garman_klass,
    "high_low_range": lambda bars: (bars.high - bars.low) / bars.close,
    "volume_z_score_20": volume_z,
}


# Rounding alone: 4e-13 of a standard deviation measured at most, from ln a − ln b for ln(a / b).
@pytest.mark.parametrize("name", list(PANDAS))
def test_window_feature_is_pandas(name, market):
    mine = rows_of(TECHNICAL_1.features[TECHNICAL_1.names.index(name)], market)
    theirs = PANDAS[name](market).to_numpy()
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11 * np.nanstd(theirs))


def test_garman_klass_is_cut_at_zero_where_bars_close_at_an_end():
    bars = np.tile([100.0, 110.0, 100.0, 110.0, 1.0], (20, 1))
    span = np.log(1.1)
    assert 0.5 * span**2 > (2 * np.log(2) - 1) * span**2  # so one such bar does not undercut zero
    # A body longer than the range breaks the rules of a bar, but must not give NaN.
    bars[:, 1:3] = 100.0
    column = TECHNICAL_1.names.index("garman_klass_volatility_20")
    row = TECHNICAL_1.features[column].compute(BarArrays.of(bars), History())
    np.testing.assert_array_equal(row, [0.0])


# Wilder 1978: every bar up gives 100, every bar down 0; the same size by turns gives about 50.
@pytest.mark.parametrize(("steps", "expected"), [([1.0], 100.0), ([-1.0], 0.0)])
def test_rsi_at_its_ends(steps, expected):
    close = 1000.0 + np.cumsum(np.tile(steps, 95))
    bars = np.stack([close] * 5, axis=-1)
    row = rsi(14).compute(BarArrays.of(bars), History())
    np.testing.assert_allclose(row, expected, atol=1e-12)


def test_average_true_range_counts_the_gap_from_the_previous_close():
    close = np.full(95, 100.0)
    bars = np.stack([close, close, close, close, close], axis=-1)
    bars[-1, :4] = 110.0
    weights = kernels.wilder(14).taps()
    row = average_true_range(14).compute(BarArrays.of(bars), History())
    np.testing.assert_allclose(row, weights[0] * 10.0 / 110.0, rtol=1e-12)
