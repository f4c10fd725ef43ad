"""Scaler: centre and scale of each feature, fitted on training rows and kept with the model."""

import json
import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig, InvalidContract

CONSTANT = 1e-12
"""A feature whose spread is below this share of its size (or of 1) is constant: scaled by 1."""
NORMAL_IQR = 1.3489795003921634
"""Interquartile range of the standard normal: robust scales read as standard deviations."""


@dataclass(frozen=True)
class Scaler:
    """``(x - center) / scale`` per feature, float64.

    Attributes:
        method: ``standard`` (mean and standard deviation) or ``robust`` (median and IQR / 1.349).
        names: the features, in order.
        center: one number a feature, in the feature's unit.
        scale: one positive number a feature; 1 for a feature that was constant.
        rows: how many training rows it was fitted on.
        first: time of the first of them, ISO 8601.
        last: time of the last of them, ISO 8601.
        snapshot: name of the snapshot that they were read from; "" if from none.

    Raises:
        InvalidContract: lengths differ, or a number is not finite or a scale not positive.
    """

    method: str
    names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    rows: int
    first: str
    last: str
    snapshot: str = ""

    def __post_init__(self) -> None:
        if self.method not in ("standard", "robust"):
            raise InvalidContract(f"a scaler is 'standard' or 'robust', got {self.method!r}")
        if not len(self.names) == len(self.center) == len(self.scale):
            raise InvalidContract(
                f"a scaler needs one center and one scale a feature, got {len(self.names)} names, "
                f"{len(self.center)} centers, {len(self.scale)} scales"
            )
        for name, center, scale in zip(self.names, self.center, self.scale, strict=True):
            if not (math.isfinite(center) and math.isfinite(scale) and scale > 0):
                raise InvalidContract(
                    f"a scaler needs finite centers and positive scales, got center {center} "
                    f"and scale {scale} for {name!r}"
                )

    def transform(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scaled values, shape (..., features)."""
        scaled: npt.NDArray[np.float64] = (values - np.asarray(self.center)) / np.asarray(
            self.scale
        )
        return scaled

    def inverse(self, scaled: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Values in the features' own units, shape (..., features)."""
        values: npt.NDArray[np.float64] = scaled * np.asarray(self.scale) + np.asarray(self.center)
        return values

    def to_json(self) -> str:
        """JSON text; numbers keep every bit."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Scaler":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidContract: not a scaler.
        """
        try:
            fields = json.loads(text)
            fields["names"] = tuple(str(name) for name in list(fields["names"]))
            for key in ("center", "scale"):
                fields[key] = tuple(number + 0.0 for number in fields[key])  # a text is refused
            return cls(**fields)
        except (TypeError, KeyError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidContract(f"scaler.json is not a scaler: {error}") from error


def fit_scaler(
    values: npt.NDArray[np.float64],
    names: tuple[str, ...],
    times: npt.NDArray[np.datetime64],
    method: str = "standard",
    snapshot: str = "",
) -> Scaler:
    """Fit on training rows, and only on those.

    Args:
        values: shape (rows, features), finite.
        names: one a feature.
        times: shape (rows,), the rows' times.
        method: ``standard`` or ``robust``.
        snapshot: name of the snapshot that they were read from.

    Raises:
        InvalidConfig: an unknown method, fewer than two rows, or a value that is not finite.
    """
    if method not in ("standard", "robust"):
        raise InvalidConfig(f"scaler must be 'standard' or 'robust', got {method!r}")
    if len(values) < 2 or len(times) != len(values) or not np.isfinite(values).all():
        raise InvalidConfig(
            f"a scaler needs at least 2 rows, all finite, and a time for each; got {len(values)} "
            f"rows and {len(times)} times"
        )
    center, spread = _center_and_spread(values, method)
    size = np.maximum(np.abs(center), 1.0)
    scale = np.where(spread > CONSTANT * size, spread, 1.0)
    return Scaler(
        method=method,
        names=names,
        center=tuple(map(float, center)),
        scale=tuple(map(float, scale)),
        rows=len(values),
        first=str(np.min(times)),
        last=str(np.max(times)),
        snapshot=snapshot,
    )


def _center_and_spread(
    values: npt.NDArray[np.float64], method: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if method == "standard":
        return values.mean(axis=0), values.std(axis=0)
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    return median, (high - low) / NORMAL_IQR
