"""Reports of Evidently: one that agrees with the decision, one that shows the raw columns.

The only file that imports Evidently, and only when a report is made: it takes 5 s and 280 MB.
Its default decision is not used: on stationary features of a market it calls drift in three checks
of four, or in all of them. Here it measures the same distance on the same stabilised columns, and
is given the limits of the reference.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.drift.check import DriftCheck
from ordinis_mlflow.drift.decide import DriftReference
from ordinis_mlflow.drift.table import DriftTable
from ordinis_mlflow.errors import InvalidConfig

METHOD = "wasserstein"
"""Named, as Evidently's own choice turns from p-values to distances with the number of rows."""


@dataclass(frozen=True, eq=False)
class Report:
    """A report that has been run.

    Attributes:
        snapshot: Evidently's.
    """

    snapshot: Any

    def json(self) -> str:
        """Figures and verdicts, some 20 kB."""
        with _quiet():
            return str(self.snapshot.json())

    def html(self) -> str:
        """A page that needs no network, 4 to 5 MB."""
        with _quiet():
            return str(self.snapshot.get_html_str(as_iframe=False))


def calibrated_report(reference: DriftReference, check: DriftCheck, table: DriftTable) -> Report:
    """Red where the decision says drift, and nowhere else.

    Distances are those of the check, between stabilised columns; each column's threshold is its
    limit, and the data set drifts as soon as one column does. Columns that were not judged are not
    in it: Evidently would pass over one that is missing, and fail at one without a number.

    Args:
        reference: that was checked with.
        check: what that gave.
        table: that was checked.

    Raises:
        InvalidConfig: no column was judged, so that there is nothing to report.
    """
    judged, own = _judged(reference, check)
    before = pd.DataFrame(reference.stabilised[own].T, columns=judged)
    values = reference.stabiliser.take(own).apply(_window(reference, table, judged))
    # Evidently's column drifts at its threshold, ours beyond its limit: a constant one's is 0.
    limits = np.nextafter(reference.limits[own], np.inf)
    with _evidently() as (_, presets):
        preset = presets.DataDriftPreset(
            num_method=METHOD,
            per_column_threshold=dict(zip(judged, limits.tolist(), strict=True)),
            drift_share=0.5 / len(judged),
        )
    return _run(preset, before, pd.DataFrame(values, columns=judged), include_tests=True)


def raw_report(reference: DriftReference, check: DriftCheck, table: DriftTable) -> Report:
    """Distributions in the columns' own units beside the reference's, for people; no verdicts.

    Args:
        reference: that was checked with.
        check: what that gave.
        table: that was checked.

    Raises:
        InvalidConfig: no column was judged, so that there is nothing to report.
    """
    judged, own = _judged(reference, check)
    before = pd.DataFrame(reference.ordered[own].T, columns=judged)
    current = pd.DataFrame(_window(reference, table, judged), columns=judged)
    with _evidently() as (_, presets):
        preset = presets.DataSummaryPreset()
    return _run(preset, before, current, include_tests=False)


def _judged(reference: DriftReference, check: DriftCheck) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Names of the columns that were judged, and their places in the reference."""
    judged = [name for name in reference.columns if name not in check.unjudged]
    if not judged:
        raise InvalidConfig("a drift report shows what was judged, and no column was")
    return judged, np.array([reference.columns.index(name) for name in judged], dtype=np.intp)


def _window(
    reference: DriftReference, table: DriftTable, names: Sequence[str]
) -> npt.NDArray[np.float64]:
    values = table.values[-reference.window :, [table.columns.index(name) for name in names]]
    return np.where(np.isfinite(values), values, np.nan)


def _run(preset: Any, before: pd.DataFrame, current: pd.DataFrame, include_tests: bool) -> Report:
    with _evidently() as (evidently, _):
        # Named as numbers: Evidently takes a column of few values for one of categories.
        kinds = evidently.DataDefinition(numerical_columns=list(before.columns))
        sets = [evidently.Dataset.from_pandas(each, kinds) for each in (current, before)]
        return Report(evidently.Report([preset], include_tests=include_tests).run(*sets))


@contextmanager
def _evidently() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The package and its presets."""
    # What is used here sends nothing; what might, and is imported besides, must not either.
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with _quiet():
        import evidently
        import evidently.presets

        yield evidently, evidently.presets


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of how it uses NumPy, pandas and its web framework: they are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
