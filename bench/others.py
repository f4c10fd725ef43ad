"""Our factors against the same ones in pandas and TA-Lib: from a table to a table, in memory."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from bench.factors import OF_TALIB, arrays_of_talib, by_pandas, by_talib, finite, recursive
from bench.market import FACTORS, market
from bench.measure import Row, paired, spread
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.revisions import Revisions, revise
from ordinis_mlflow.store.compute import feature_rows

SYMBOLS, ROUNDS = 100, 3
DAY = pd.Timedelta(days=1).value
OURS_OF_TALIB = FeatureSet("talib", 1, tuple(f for f in FACTORS.features if f.name in OF_TALIB))
ROUNDING = 1e-8
"""Of the standard deviation of pandas over a window, which is updated from bar to bar."""
MEMORY = 0.05
"""A recursion also averages what lies before our finite memory, in deviations of the feature."""


def over_others() -> list[Row]:
    bars = market(SYMBOLS)
    log, frame = revise(None, bars, DAY, 0), bars.frame
    assert log is not None
    same = partial(by_pandas, frame, finite)
    hold_to(same(), log, FACTORS, ROUNDING)
    hold_to(by_pandas(frame, recursive), log, FACTORS, MEMORY)
    hold_to(by_talib(frame), log, OURS_OF_TALIB, MEMORY)
    arrays = [series.values.T[1:4].copy() for series in bars.series()]

    def bare() -> None:
        for high, low, close in arrays:
            arrays_of_talib(high, low, close)

    return [
        ratio_row("store.over_pandas", "pandas / ours, same values", same, log, FACTORS, 20),
        ratio_row(
            "store.over_pandas_recursive",
            "pandas with recursive averages / ours",
            partial(by_pandas, frame, recursive),
            log,
            FACTORS,
            20,
        ),
        ratio_row(
            "store.over_talib",
            "TA-Lib for each symbol of a table / ours",
            partial(by_talib, frame),
            log,
            OURS_OF_TALIB,
            2,
        ),
        ratio_row(
            "store.over_talib_arrays", "TA-Lib's calls alone / ours", bare, log, OURS_OF_TALIB
        ),
    ]


def ratio_row(
    key: str,
    what: str,
    theirs: Callable[[], object],
    log: Revisions,
    features: FeatureSet,
    bar: float | None = None,
) -> Row:
    result = paired(theirs, partial(feature_rows, log, features), ROUNDS, 1)
    detail = f"{SYMBOLS} symbols, {spread(result, 1e3, 'ms')}"
    return Row(key, what, result.ratio, bar, False, detail)


def hold_to(theirs: pd.DataFrame, log: Revisions, features: FeatureSet, tolerance: float) -> None:
    """Refuse to compare what is not the same, in units of each feature's deviation."""
    ours, _ = feature_rows(log, features)
    rows = len(ours.times) // SYMBOLS
    table = theirs[list(features.names)].to_numpy().reshape(SYMBOLS, -1, len(features.names))
    theirs_late = table[:, -rows // 2 :].reshape(-1, len(features.names))
    ours_late = ours.values.reshape(SYMBOLS, rows, -1)[:, -rows // 2 :]
    ours_late = ours_late.reshape(theirs_late.shape)
    gap = np.abs(theirs_late - ours_late).max(axis=0) / ours_late.std(axis=0)
    assert (gap < tolerance).all(), dict(zip(features.names, gap, strict=True))
