"""Folds: what trials are trained and judged on; nothing in them is of the test span.

The rows from ``untouched_from`` on are cut off before labels, folds and scalers are made. That is
where the test span begins for the shortest sequence that a trial can have: those of longer ones
begin later. Decisions are those that the longest sequence has a window for, so that all trials
answer the same questions.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from flows.data import Data
from flows.options import VOLATILITY, TrainOptions
from flows.tuned_space import sequence_lengths
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidConfig, TooFewBars
from ordinis_mlflow.evaluation import TestSpan, span_of
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import Space
from ordinis_mlflow.prepare import Prepared, Rows, labelled, samples_of
from ordinis_mlflow.revisions import Panel
from ordinis_mlflow.splits import HoldoutSplit, PurgedKFold, stopped_by

CACHE_BYTES = 2**29
"""Scaled tables of features that a process keeps."""


@dataclass(frozen=True, eq=False)
class Folds:
    """Rows before the test span, cut into purged folds.

    Attributes:
        rows: before the test span.
        splits: of each fold, positions in ``rows.ready``; its ``test`` is the fold.
        spans: what happened on each fold.
        samples: scaled samples of a fold and a sequence length; the last ones are kept.
    """

    rows: Rows
    splits: tuple[HoldoutSplit, ...]
    spans: tuple[TestSpan, ...]
    samples: Callable[[int, int], Prepared]

    def __len__(self) -> int:
        return len(self.splits)


def untouched_from(
    bars: Bars, options: TrainOptions, config: LSTMConfig, space: Space
) -> np.datetime64:
    """The first decision time of the test span, of whichever trial has the earliest one.

    Only times are read.
    """
    shortest, _ = sequence_lengths(space, config)
    lookback = options.feature_set().lookback + shortest - 1
    bars.require(lookback + options.horizon, "one window and its label")
    times = np.concatenate(
        [part.nanoseconds()[lookback - 1 : -options.horizon] for part in bars.series()]
    )
    return options.holdout().split(times, times).test_start


def folds_of(
    data: Data,
    border: np.datetime64,
    options: TrainOptions,
    config: LSTMConfig,
    space: Space,
    count: int,
    embargo: pd.Timedelta,
) -> Folds:
    """Cut at the border, label, divide.

    Args:
        data: bars and features.
        border: nothing from here on is looked at.
        options: of the training.
        config: of the network; what the space has is taken from there.
        space: of the trials.
        count: of folds.
        embargo: after each fold, before training samples follow it.

    Raises:
        TooFewBars: nothing is left before the border.
        InvalidConfig: there are too few dates for so many folds.
    """
    features = options.feature_set()
    _, longest = sequence_lengths(space, config)
    needed = features.lookback + longest - 1 + options.horizon
    bars = _bars_before(data.bars, border, needed)
    forecast = Forecast(options.horizon, config.degrees_of_freedom, options.no_trade_band)
    table = panel_before(data.table, border)
    rows = labelled(bars, table, features, forecast, VOLATILITY, longest)
    starts, ends = rows.times[rows.ready], rows.ends[rows.ready]
    pairs = PurgedKFold(count, embargo).split(starts, ends)
    splits = tuple(stopped_by(pair, starts, ends, options.validation) for pair in pairs)
    try:
        spans = tuple(
            span_of(rows, split.test, options.horizon, options.cost_bps) for split in splits
        )
    except InvalidConfig as error:
        raise InvalidConfig(f"{count} folds of the rows before {border}: {error}") from error
    size = rows.features.size * np.dtype(np.float32).itemsize

    @functools.lru_cache(maxsize=max(count, CACHE_BYTES // size))
    def samples(fold: int, steps: int) -> Prepared:
        return samples_of(
            rows, splits[fold], features.names, steps, options.scaler, data.features.name
        )

    return Folds(rows, splits, spans, samples)


def panel_before(panel: Panel, border: np.datetime64) -> Panel:
    """The rows before a moment."""
    kept: npt.NDArray[np.bool_] = panel.times < border.astype("datetime64[ns]").astype(np.int64)
    counts = [int(kept[rows].sum()) for _, rows in panel.spans()]
    return replace(
        panel,
        starts=np.cumsum([0, *counts]),
        times=panel.times[kept],
        known=panel.known[kept],
        values=panel.values[kept],
    )


def _bars_before(bars: Bars, border: np.datetime64, needed: int) -> Bars:
    """Of the symbols that have a window and its label by then."""
    last = pd.Timestamp(border) - pd.Timedelta(1, unit="ns")
    before = bars.between(end=last.tz_localize("UTC"))
    parts = tuple(part for part in before.parts if len(part) >= needed)
    if not parts:
        raise TooFewBars(
            f"no symbol has {needed} bars before the test span, which begins {border}: supply a "
            "longer history, or a space with shorter sequences"
        )
    return Bars(parts)
