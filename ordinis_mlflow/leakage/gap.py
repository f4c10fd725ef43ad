"""Gap: whether something changed, by how much and where; equal means equal to the last bit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.leakage.fitted import Keyed
from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class Gap:
    """How two results differ.

    Attributes:
        largest: absolute difference; infinity where only one of the two has a number.
        where: which rows differ, for people; empty if none does.
    """

    largest: float
    where: str = ""

    def verdict(self, name: str, holds: str, fails: str) -> Verdict:
        """The claim that nothing differs.

        Args:
            name: of the verdict.
            holds: the reason if it does not.
            fails: the reason if it does, with its probable cause.
        """
        where = f"; {self.where}" if self.where else ""
        reason = holds if self.largest == 0 else f"{fails}{where}"
        return Verdict(name, self.largest == 0, self.largest, 0.0, reason)


def gap_of_arrays(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> Gap:
    """Of two arrays; of different shapes it is infinite."""
    if before.shape != after.shape:
        return Gap(np.inf, f"shape {before.shape} became {after.shape}")
    return Gap(float(np.max(_differences(before, after), initial=0.0)))


def gap_of_rows(before: Keyed, after: Keyed) -> Gap:
    """Of values by symbol and time; of other rows it is infinite."""
    if not before.same_keys(after) or before.values.shape != after.values.shape:
        return Gap(np.inf, f"{len(before)} rows became {len(after)} rows or others")
    gaps = _differences(before.values, after.values)
    rows = gaps if gaps.ndim == 1 else gaps.max(axis=1, initial=0.0)
    changed = np.flatnonzero(rows)
    if not len(changed):
        return Gap(0.0)
    first = changed[0]
    at = f"{before.symbols[first]} at {np.datetime_as_string(before.times[first], unit='s')}"
    return Gap(float(rows.max()), f"{len(changed)} of {len(rows)} rows differ, first {at}")


def _differences(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Absolute differences; two of the same infinity, or two NaN, differ by nothing."""
    left, right = np.asarray(before, float), np.asarray(after, float)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        gaps = np.abs(left - right)
    different: npt.NDArray[np.float64] = np.where(np.isnan(gaps), np.inf, gaps)
    # A difference too small for a float is a difference all the same.
    return np.where(same, 0.0, np.maximum(different, np.finfo(float).tiny))
