"""Preparation: from bars to purged, scaled training samples.

Floor 2: joins features and splits, with no tool of its own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.errors import InvalidBars, TooFewBars
from ordinis_mlflow.features import (
    VOLATILITY_FLOOR,
    FeatureSet,
    Samples,
    Scaler,
    fit_scaler,
    forward_returns,
)
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.revisions import Panel
from ordinis_mlflow.splits import Holdout, HoldoutSplit

Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Every bar of every symbol, one below the other: features, labels and what labels them.

    Attributes:
        features: shape (rows, features), float64; NaN in each symbol's warm-up.
        labels: shape (rows,), forward log return in units of volatility; NaN at each symbol's end.
        units: shape (rows,), volatility over the horizon, log return.
        times: shape (rows,), of the bars.
        ends: shape (rows,), when the label is known; NaT at each symbol's end.
        symbols: shape (rows,), of the bars.
        close: shape (rows,), price.
        ready: shape (rows,), int64: rows with a whole window behind them and a label.
    """

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.float64]
    units: npt.NDArray[np.float64]
    times: Times
    ends: Times
    symbols: npt.NDArray[np.str_]
    close: npt.NDArray[np.float64]
    ready: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Samples of the three parts.

    Attributes:
        rows: what they were made of.
        split: indices into ``rows.ready``.
        scaler: fitted on the rows of the training windows, and on no other.
        train: samples that weights are fitted to.
        validation: samples that decide when to stop and what is kept.
        test: samples that are read once.
    """

    rows: Rows
    split: HoldoutSplit
    scaler: Scaler
    train: Samples
    validation: Samples
    test: Samples


def prepare(
    bars: Bars,
    table: Panel,
    features: FeatureSet,
    forecast: Forecast,
    volatility: str,
    steps: int,
    holdout: Holdout,
    scaler: str,
    snapshot: str = "",
) -> Prepared:
    """Labels, split, scaler and windows.

    Args:
        bars: of one or more symbols.
        table: their features, known as of the same moment.
        features: what those are.
        forecast: horizon and unit of the label.
        volatility: the feature that is the label's unit.
        steps: rows of features a window.
        holdout: where training, validation and test begin.
        scaler: how it is fitted, ``standard`` or ``robust``.
        snapshot: name of the snapshot that the table was read from.

    Raises:
        InvalidBars: the features are not of these bars.
        TooFewBars: a symbol has no bar with both a window and a label.
        InvalidConfig: a part of the split would be empty.
    """
    rows = labelled(bars, table, features, forecast, volatility, steps)
    split = holdout.split(rows.times[rows.ready], rows.ends[rows.ready])
    return samples_of(rows, split, features.names, steps, scaler, snapshot)


def samples_of(
    rows: Rows,
    split: HoldoutSplit,
    names: tuple[str, ...],
    steps: int,
    scaler: str,
    snapshot: str = "",
) -> Prepared:
    """Scaler and windows of a given split; the scaler reads the training windows' rows alone.

    Args:
        rows: of all symbols.
        split: indices into ``rows.ready``.
        names: of the features.
        steps: rows of features a window.
        scaler: how it is fitted, ``standard`` or ``robust``.
        snapshot: name of the snapshot that the features were read from.
    """
    train_rows = _rows_of_windows(rows.ready[split.train], steps)
    fitted = fit_scaler(rows.features[train_rows], names, rows.times[train_rows], scaler, snapshot)
    samples = Samples(
        table=fitted.transform(rows.features).astype(np.float32),
        last_rows=rows.ready,
        labels=rows.labels[rows.ready].astype(np.float32),
        steps=steps,
    )
    parts = (samples.select(part) for part in (split.train, split.validation, split.test))
    return Prepared(rows, split, fitted, *parts)


def labelled(
    bars: Bars,
    panel: Panel,
    features: FeatureSet,
    forecast: Forecast,
    volatility: str,
    steps: int,
) -> Rows:
    """Features and labels of every bar; arguments and errors as `prepare`."""
    lookback = features.lookback + steps - 1
    bars.require(lookback + forecast.horizon, "one window and its label")
    column = features.names.index(volatility)
    parts, start = [], 0
    spans = dict(panel.spans())
    for series in bars.series():
        table = _aligned(series, panel, spans.get(series.symbol, slice(0, 0)), features)
        times = series.nanoseconds().view("datetime64[ns]")
        units = forecast.unit(table[:, column], VOLATILITY_FLOOR)
        close = series.values[:, 3]
        labels = forward_returns(close, times, units, forecast.horizon)
        ready = np.arange(lookback - 1, len(table) - forecast.horizon) + start
        symbols = np.full(len(table), series.symbol)
        parts.append((table, labels.values, units, times, labels.ends, symbols, close, ready))
        start += len(table)
    if not parts:
        raise TooFewBars("there are no bars to train on")
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def features_of(bars: Bars, features: FeatureSet) -> Panel:
    """The features computed at once, known at their bars' own times; for bars of no store.

    Raises:
        TooFewBars: a symbol has fewer bars than the look-back.
    """
    bars.require(features.lookback, "one row of features")
    warm_up = features.lookback - 1
    series = list(bars.series())
    values = [features.history(each.values)[warm_up:] for each in series]
    times = np.concatenate([each.nanoseconds()[warm_up:] for each in series])
    return Panel(
        columns=features.names,
        symbols=tuple(each.symbol for each in series),
        starts=np.cumsum([0, *(len(part) for part in values)]),
        times=times,
        known=times,
        values=np.concatenate(values),
    )


def _aligned(
    series: SymbolBars, panel: Panel, rows: slice, features: FeatureSet
) -> npt.NDArray[np.float64]:
    """(bars, features) of one symbol, NaN in its warm-up; each row must be of its bar."""
    warm_up = features.lookback - 1
    if panel.columns != features.names or not np.array_equal(
        panel.times[rows], series.nanoseconds()[warm_up:]
    ):
        raise InvalidBars(
            f"symbol {series.symbol!r}: the {rows.stop - rows.start} rows of features are "
            f"not those of its {len(series)} bars; read both from one snapshot as of one moment"
        )
    table = np.full((len(series), len(features.names)), np.nan)
    table[warm_up:] = panel.values[rows]
    return table


def _rows_of_windows(last_rows: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.int64]:
    """Every row that a window ending at one of these rows reads, once and in order."""
    rows: npt.NDArray[np.int64] = np.unique(last_rows[:, None] + np.arange(1 - steps, 1))
    return rows
