"""What a table, the settings of a fit and a drift reference must be like; refused at the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig, InvalidDriftReference

Array = npt.NDArray[np.float64]

LEAST_WINDOWS = 4
"""Three degrees of freedom: with fewer, a limit is beyond anything that is ever seen."""


@dataclass(frozen=True)
class FitSettings:
    """Of :meth:`DriftReference.fit`, which describes them.

    Raises:
        InvalidConfig: a setting is outside its range.
    """

    window: int
    alpha: float
    stride: int
    embargo: int
    least_windows: int

    def __post_init__(self) -> None:
        least = {"window": 2, "stride": 1, "embargo": 0, "least_windows": LEAST_WINDOWS}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InvalidConfig(f"{name} must be at least {bound}, got {getattr(self, name)}")
        if not 0.0 < self.alpha < 1.0:
            raise InvalidConfig(f"alpha must be between 0 and 1, got {self.alpha}")

    def refuse_rows(self, table: Array) -> None:
        """Refuse a reference without enough rows, or with values that are not finite.

        Raises:
            InvalidDriftReference: it is one.
        """
        rows, window = len(table), self.window
        if rows < self.least_windows * window:
            raise InvalidDriftReference(
                f"a drift reference needs {self.least_windows} windows of {window} rows, "
                f"{self.least_windows * window} in all, got {rows}: give more rows, or choose a "
                "shorter window"
            )
        if rows < 2 * (window + self.embargo):
            raise InvalidDriftReference(
                f"an embargo of {self.embargo} rows at both sides of a window of {window} leaves "
                f"too few of {rows} rows to compare it with: shorten the embargo"
            )
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            row, column = bad[0]
            raise InvalidDriftReference(
                f"a drift reference holds finite values only, got {table[row, column]} in row "
                f"{row} of column {column}, and {len(bad)} in all: drop the warm-up rows"
            )


def named_table(table: Array, columns: Sequence[str]) -> Array:
    """A table of float64 with a name for each column.

    Raises:
        InvalidConfig: it is none.
    """
    try:
        table = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidConfig(f"drift is measured on tables of numbers: {error}") from error
    if table.ndim != 2 or table.shape[1] != len(columns):
        raise InvalidConfig(
            f"a table of shape (rows, {len(columns)}) is needed, one column a name, got "
            f"{table.shape}"
        )
    if len(set(columns)) != len(columns):
        twice = sorted({name for name in columns if list(columns).count(name) > 1})
        raise InvalidConfig(f"each column needs a name of its own, got {twice} more than once")
    return table


def refuse_reference(
    columns: tuple[str, ...],
    window: int,
    alpha: float,
    ordered: Array,
    floats: Mapping[str, Array],
    flags: Mapping[str, npt.NDArray[np.bool_]],
) -> None:
    """Refuse the parts of a drift reference that do not fit together.

    Raises:
        InvalidDriftReference: shapes or types do not fit, a name comes twice, a number is not
            finite, or an order is broken.
    """
    names = all(isinstance(name, str) for name in columns) and len(set(columns)) == len(columns)
    _require(bool(columns) and names, f"at least one column and each name once, got {columns}")
    _require(type(window) is int and window >= 2, f"a window of 2 rows or more, got {window!r}")
    _require(type(alpha) is float and 0 < alpha < 1, f"alpha between 0 and 1, got {alpha!r}")
    shape = (len(columns), ordered.shape[-1] if ordered.ndim == 2 else 0)
    _require(_finite(ordered, shape) and bool(shape[1]), f"finite values of shape {shape}")
    ascending = (ordered[:, 1:] >= ordered[:, :-1]).all()
    _require(bool(ascending), "the values of each column in ascending order")
    for name, array in floats.items():
        _require(_finite(array, (len(columns),)), f"one finite {name} a column")
    for name, flag in flags.items():
        _require(flag.dtype == bool and flag.shape == (len(columns),), f"one {name} flag a column")
    _require(bool((floats["limits"] >= 0).all()), "limits that are not negative")
    _require(bool((floats["scale"] > 0).all()), "positive scales")


def _finite(array: Array, shape: tuple[int, ...]) -> bool:
    return array.dtype == np.float64 and array.shape == shape and bool(np.isfinite(array).all())


def _require(held: bool, what: str) -> None:
    if not held:
        raise InvalidDriftReference(f"a drift reference needs {what}")
