"""Features of the traded volume, alone and together with the price.

All are unchanged when volume is counted in other units. A symbol without volume data (all zero)
gets each feature's neutral value.
"""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.moves import FLAT, STEADY, aligned, log_returns, of_range, ratio
from ordinis_mlflow.features.windowed import Windowed, change, newest

NONE = 1e-300
"""Below every sum of volume that is not zero: for shares in which nothing is left of nothing."""


def volume_z_score(n: int) -> Feature:
    """The volume in standard deviations from its mean; 0 where the volume is constant."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        deviation, std = windowed.spread(bars.volume, n)
        mean = newest(bars.volume, deviation) - deviation
        # + 1 unit keeps a symbol without volume data (all zero) at 0 instead of 0 / 0.
        return ratio(deviation, std, STEADY * (mean + 1.0))

    return Feature(
        name=f"volume_z_score_{n}",
        lookback=n,
        unit="standard deviations",
        formula=f"(V − mean{n} V) / std{n} V",
        source="definition",
        compute=compute,
    )


def volume_ratio(short: int, long: int) -> Feature:
    """Recent over long-run volume; 0 where there is none."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return ratio(windowed.mean(bars.volume, short), windowed.mean(bars.volume, long), NONE)

    return Feature(
        name=f"volume_ratio_{short}_{long}",
        lookback=long,
        unit="ratio",
        formula=f"mean{short} V / mean{long} V",
        source="definition",
        compute=compute,
    )


def on_balance_volume(n: int) -> Feature:
    """Volume of rises less that of falls, as a share of all; 0 where there is none."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        direction = array_namespace(bars.close).sign(change(bars.close, 1))
        volume = newest(bars.volume, direction)
        return ratio(windowed.mean(direction * volume, n), windowed.mean(volume, n), NONE)

    return Feature(
        name=f"on_balance_volume_{n}",
        lookback=n + 1,
        unit="-1 to 1",
        formula=f"Σ{n} sign(C − C[-1]) V / Σ{n} V",
        source="Granville 1963",
        compute=compute,
    )


def chaikin_money_flow(n: int) -> Feature:
    """Volume weighted by where the close lies in its bar; 0 where there is none."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        location = of_range(bars, (bars.close - bars.low) - (bars.high - bars.close))
        volume = bars.volume
        return ratio(windowed.mean(location * volume, n), windowed.mean(volume, n), NONE)

    return Feature(
        name=f"chaikin_money_flow_{n}",
        lookback=n,
        unit="-1 to 1",
        formula=f"Σ{n} V ((C − L) − (H − C)) / (H − L) / Σ{n} V",
        source="Chaikin 1982",
        compute=compute,
    )


def money_flow_index(n: int) -> Feature:
    """Relative strength of typical price times volume; 50 where nothing flowed."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        typical = bars.high + bars.low + bars.close
        direction = xp.sign(change(typical, 1))
        flow = direction * newest(typical * bars.volume, direction)
        return 50.0 + 50.0 * ratio(windowed.mean(flow, n), windowed.mean(xp.abs(flow), n), NONE)

    return Feature(
        name=f"money_flow_index_{n}",
        lookback=n + 1,
        unit="0 to 100",
        formula=f"100 P / (P + N), sums over {n} of T V where T = (H + L + C) / 3 rose or fell",
        source="Quong and Soudack 1989",
        compute=compute,
    )


def vwap_distance(n: int) -> Feature:
    """How far the close lies above the volume weighted average price; 0 without volume."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        typical = (bars.high + bars.low + bars.close) / 3.0
        traded, volume = windowed.mean(typical * bars.volume, n), windowed.mean(bars.volume, n)
        close = newest(bars.close, volume)
        return ratio(close * volume - traded, volume, NONE) / close

    return Feature(
        name=f"vwap_distance_{n}",
        lookback=n,
        unit="share of price",
        formula=f"1 − Σ{n} T V / Σ{n} V / C, with T = (H + L + C) / 3",
        source="Berkowitz, Logue and Noser 1988",
        compute=compute,
    )


def illiquidity_ratio(short: int, long: int) -> Feature:
    """Recent over long-run price impact of a unit traded; 0 where nothing was traded or moved."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        sizes = xp.abs(log_returns(bars))
        traded = newest(bars.close * bars.volume, sizes)
        # A bar without volume says nothing of the impact of volume.
        impact = xp.where(traded > 0.0, sizes / xp.maximum(traded, NONE), xp.zeros_like(sizes))
        return ratio(windowed.mean(impact, short), windowed.mean(impact, long), NONE)

    return Feature(
        name=f"illiquidity_ratio_{short}_{long}",
        lookback=long + 1,
        unit="ratio",
        formula=f"mean{short} |r| / (C V) over mean{long} |r| / (C V)",
        source="Amihud 2002",
        compute=compute,
    )


def price_volume_correlation(n: int) -> Feature:
    """Correlation of one-bar log return and volume; 0 where either stood still."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        returns, volume = aligned(log_returns(bars), bars.volume)
        mean_return, mean_volume = windowed.mean(returns, n), windowed.mean(volume, n)
        together = windowed.mean(returns * volume, n) - mean_return * mean_volume
        _, returns_std = windowed.spread(returns, n)
        _, volume_std = windowed.spread(volume, n)
        least = STEADY * (mean_volume + 1.0)
        return together / (xp.maximum(returns_std, FLAT) * xp.maximum(volume_std, least))

    return Feature(
        name=f"price_volume_correlation_{n}",
        lookback=n + 1,
        unit="-1 to 1",
        formula=f"correlation of r and V over {n} bars",
        source="Karpoff 1987",
        compute=compute,
    )
