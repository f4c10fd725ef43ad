"""Features of the traded volume."""

from array_api_compat import array_namespace

from ordinis_mlflow.features.feature import BarArrays, Feature
from ordinis_mlflow.features.kernels import Array
from ordinis_mlflow.features.windowed import Windowed, newest

STEADY = 1e-6
"""Volume that varies by less than this share of its mean counts as constant."""


def volume_z_score(n: int) -> Feature:
    """(volume − mean) / standard deviation over ``n`` bars; 0 where the volume is constant."""

    def compute(bars: BarArrays, windowed: Windowed) -> Array:
        xp = array_namespace(bars.volume)
        deviation, std = windowed.spread(bars.volume, n)
        mean = newest(bars.volume, deviation) - deviation
        # + 1 unit keeps a symbol without volume data (all zero) at 0 instead of 0 / 0.
        floor = STEADY * (mean + 1.0)
        return deviation / xp.maximum(std, floor)

    return Feature(f"volume_z_score_{n}", n, "standard deviations", compute)
