"""Features of the close alone: how far it has come, and where it stands in its past."""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.moves import FLAT, aligned, ratio
from ordinis_mlflow.features.windowed import Windowed, change


def log_return(n: int) -> Feature:
    """Log return over ``n`` bars."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close = bars.close
        return array_namespace(close).log(close[..., n:] / close[..., :-n])

    return Feature(
        name=f"log_return_{n}",
        lookback=n + 1,
        unit="log return",
        formula=f"ln(C / C[-{n}])",
        source="definition",
        compute=compute,
    )


def momentum(n: int, skipped: int) -> Feature:
    """Log return over ``n`` bars without the newest ones, which tend to reverse."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close = bars.close
        late, early = close[..., n - skipped : -skipped], close[..., :-n]
        return array_namespace(close).log(late / early)

    return Feature(
        name=f"momentum_{n}_{skipped}",
        lookback=n + 1,
        unit="log return",
        formula=f"ln(C[-{skipped}] / C[-{n}])",
        source="Jegadeesh and Titman 1993",
        compute=compute,
    )


def distance_to_high(n: int) -> Feature:
    """How far the close lies below the highest high of ``n`` bars: 0 at it."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close, high = aligned(bars.close, windowed.highest(bars.high, n))
        return array_namespace(close).log(close / high)

    return Feature(
        name=f"distance_to_high_{n}",
        lookback=n,
        unit="log return",
        formula=f"ln(C / max{n} H)",
        source="George and Hwang 2004",
        compute=compute,
    )


def distance_to_low(n: int) -> Feature:
    """How far the close lies above the lowest low of ``n`` bars: 0 at it."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        close, low = aligned(bars.close, windowed.lowest(bars.low, n))
        return array_namespace(close).log(close / low)

    return Feature(
        name=f"distance_to_low_{n}",
        lookback=n,
        unit="log return",
        formula=f"ln(C / min{n} L)",
        source="after George and Hwang 2004",
        compute=compute,
    )


def efficiency_ratio(n: int) -> Feature:
    """Net move over the path that led there, 0 to 1; 0 where the close did not move."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        net = xp.abs(change(bars.close, n)) / n
        path = windowed.mean(xp.abs(change(bars.close, 1)), n)
        return ratio(net, path, FLAT * bars.close)

    return Feature(
        name=f"efficiency_ratio_{n}",
        lookback=n + 1,
        unit="0 to 1",
        formula=f"|C − C[-{n}]| / Σ{n} |C − C[-1]|",
        source="Kaufman 1995, Smarter Trading",
        compute=compute,
    )


def ulcer_index(n: int) -> Feature:
    """Ulcer index: root mean square of the drawdown from the highest close of ``n`` bars."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.close)
        close, peak = aligned(bars.close, windowed.wider(n - 1).highest(bars.close, n))
        fall = (close - peak) / peak
        return xp.sqrt(windowed.mean(fall * fall, n))

    return Feature(
        name=f"ulcer_index_{n}",
        lookback=2 * n - 1,
        unit="share of price",
        formula=f"√ mean{n} ((C − max{n} C) / max{n} C)²",
        source="Martin and McCann 1989",
        compute=compute,
    )
