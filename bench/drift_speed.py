"""A drift check against Evidently's DataDriftPreset, on the same rows."""

import time
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.measure import Row, pair, spread
from ordinis_mlflow.drift import DriftReference

COLUMNS, OF_EVIDENTLY = 1000, 20
"""Evidently would take two minutes and a half for as many columns as ours; both are a column."""
ROWS, REFERENCE_ROWS, ROUNDS = 100_000, 2000, 3


def over_evidently() -> Row:
    rng = np.random.default_rng(0)
    table = rng.standard_t(4, (ROWS, COLUMNS))
    names = [f"column_{at}" for at in range(COLUMNS)]
    window = REFERENCE_ROWS // 8
    fitted = DriftReference.fit(table[:REFERENCE_ROWS], names, window=window, stride=window)
    fitted = replace(fitted, window=ROWS)
    columns = names[:OF_EVIDENTLY]
    current = pd.DataFrame(table[:, :OF_EVIDENTLY], columns=columns)
    reference = current.iloc[:REFERENCE_ROWS]
    times = []
    for _ in range(ROUNDS + 1):
        times.append((_evidently(current, reference) / OF_EVIDENTLY, _ours(fitted, table, names)))
    measured = pair(times[1:])
    return Row(
        "drift.over_evidently",
        "DataDriftPreset / a check",
        measured.ratio,
        50.0,
        False,
        f"{ROWS} rows against {REFERENCE_ROWS}, {OF_EVIDENTLY} columns and {COLUMNS}, a column: "
        f"{spread(measured, 1e3, 'ms')}",
    )


def _ours(fitted: DriftReference, table: np.ndarray, names: list[str]) -> float:
    begin = time.perf_counter()
    assert fitted.check(table, names).judged
    return (time.perf_counter() - begin) / len(names)


def _evidently(current: pd.DataFrame, reference: pd.DataFrame) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        begin = time.perf_counter()
        Report([DataDriftPreset()]).run(current, reference)
        return time.perf_counter() - begin
