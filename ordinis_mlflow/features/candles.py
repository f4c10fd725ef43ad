"""Features of the newest bar itself: its gap, body and shadows."""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.moves import of_range
from ordinis_mlflow.features.windowed import Windowed


def overnight_gap() -> Feature:
    """Log return from the close before to the open."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return array_namespace(bars.close).log(bars.open[..., 1:] / bars.close[..., :-1])

    return Feature(
        name="overnight_gap",
        lookback=2,
        unit="log return",
        formula="ln(O / C[-1])",
        source="Lou, Polk and Skouras 2019",
        compute=compute,
    )


def intraday_return() -> Feature:
    """Log return from the open to the close."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return array_namespace(bars.close).log(bars.close / bars.open)

    return Feature(
        name="intraday_return",
        lookback=1,
        unit="log return",
        formula="ln(C / O)",
        source="Lou, Polk and Skouras 2019",
        compute=compute,
    )


def close_location() -> Feature:
    """Where the close lies in its bar; 0 in the middle, and where high is low."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return of_range(bars, (bars.close - bars.low) - (bars.high - bars.close))

    return Feature(
        name="close_location",
        lookback=1,
        unit="-1 at the low to 1 at the high",
        formula="((C − L) − (H − C)) / (H − L)",
        source="Williams 1972; Chaikin 1982",
        compute=compute,
    )


def body_share() -> Feature:
    """The candle's body as a share of its range, with its sign; 0 where high is low."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        return of_range(bars, bars.close - bars.open)

    return Feature(
        name="body_share",
        lookback=1,
        unit="-1 to 1",
        formula="(C − O) / (H − L)",
        source="Nison 1991, Japanese Candlestick Charting Techniques",
        compute=compute,
    )


def upper_shadow() -> Feature:
    """The shadow above the body as a share of the range; 0 where high is low."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        top = array_namespace(bars.close).maximum(bars.open, bars.close)
        return of_range(bars, bars.high - top)

    return Feature(
        name="upper_shadow",
        lookback=1,
        unit="0 to 1",
        formula="(H − max(O, C)) / (H − L)",
        source="Nison 1991, Japanese Candlestick Charting Techniques",
        compute=compute,
    )


def lower_shadow() -> Feature:
    """The shadow below the body as a share of the range; 0 where high is low."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        bottom = array_namespace(bars.close).minimum(bars.open, bars.close)
        return of_range(bars, bottom - bars.low)

    return Feature(
        name="lower_shadow",
        lookback=1,
        unit="0 to 1",
        formula="(min(O, C) − L) / (H − L)",
        source="Nison 1991, Japanese Candlestick Charting Techniques",
        compute=compute,
    )
