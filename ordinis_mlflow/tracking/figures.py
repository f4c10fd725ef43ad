"""The figures of a training and of an evaluation, drawn and not yet logged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ordinis_mlflow.evaluation import Evaluation, Report
from ordinis_mlflow.evaluation.tables import rolling_ic
from ordinis_mlflow.scoring import performance
from ordinis_mlflow.scoring.monte_carlo import Paths

if TYPE_CHECKING:
    from ordinis_mlflow.network.state import Epoch  # needs torch, which a gate does without

SIZE = (9.0, 4.5)
ROLLING_BARS = 20


def report_figures(report: Report, paths: Paths | None) -> Mapping[str, Figure]:
    """Every figure of an evaluation, by name.

    Args:
        report: what is drawn.
        paths: resampled paths of the model's returns; None if it never traded.
    """
    return {
        "volatility": scale_against_realised(report),
        "calibration": pit_histogram(report.model),
        "reliability": reliability(report),
        "returns": returns_and_drawdown(report.all, paths),
        "information": rolling_information(report),
    }


def loss_curve(epochs: Sequence["Epoch"]) -> Figure:
    """Train and validation loss by epoch, with the epoch that was kept."""
    figure, axes = _figure()
    numbers = [epoch.number for epoch in epochs]
    axes.plot(numbers, [epoch.train_loss for epoch in epochs], marker=".", label="train")
    validation = [epoch.validation_loss for epoch in epochs]
    axes.plot(numbers, validation, marker=".", label="validation")
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    axes.axvline(best.number, color="grey", linestyle=":", label=f"kept: epoch {best.number}")
    axes.set(xlabel="epoch", ylabel="negative log-likelihood, nats", title="Loss")
    axes.legend()
    return figure


def scale_against_realised(report: Report) -> Figure:
    """Predicted scale beside the size of what happened, averaged over the symbols."""
    span = report.span
    figure, axes = _figure()
    counts = np.bincount(span.date)
    predicted = np.bincount(span.date, report.prediction.scale) / counts
    realised = np.bincount(span.date, np.abs(span.realised)) / counts
    smooth = np.convolve(realised, np.full(ROLLING_BARS, 1 / ROLLING_BARS), mode="same")
    axes.plot(span.dates, realised, color="lightgrey", linewidth=0.7, label="absolute return")
    axes.plot(span.dates, smooth, label=f"absolute return, {ROLLING_BARS}-bar centred mean")
    axes.plot(span.dates, predicted, label="predicted scale")
    axes.set(
        xlabel="time",
        ylabel="log return over the horizon",
        title="Predicted scale and realised volatility",
    )
    axes.legend()
    return figure


def pit_histogram(model: Evaluation) -> Figure:
    """Histogram of the probability integral transform; flat if calibrated."""
    figure, axes = _figure()
    axes.hist(model.pit, bins=20, range=(0.0, 1.0), density=True)
    axes.axhline(1.0, color="grey", linestyle=":")
    title = f"Calibration: uniform with p = {model.metrics['pit_test_p_value']:.3f}"
    axes.set(xlabel="probability integral transform", ylabel="density", title=title)
    return figure


def reliability(report: Report) -> Figure:
    """How often it went up where the model said how probable that was; two errors either way."""
    figure, axes = _figure()
    said = [each.mean_probability for each in report.reliability]
    happened = [each.share_happened for each in report.reliability]
    errors = [2.0 * each.standard_error for each in report.reliability]
    axes.errorbar(said, happened, yerr=errors, fmt="o", capsize=3)
    ends = min(said), max(said)
    axes.plot(ends, ends, color="grey", linestyle=":")
    axes.set(xlabel="probability_up, said", ylabel="share that went up", title="Reliability")
    return figure


def returns_and_drawdown(judged: Sequence[Evaluation], paths: Paths | None) -> Figure:
    """Wealth after costs and drawdown of each that trades, with bands of the model's resamples."""
    figure = Figure((SIZE[0], 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    if paths is not None:
        _band(upper, judged[0], paths.wealth_bands)
        _band(lower, judged[0], -100.0 * paths.drawdown_bands)
    for each in judged:
        if each.trades:
            wealth = performance.wealth(each.returns)
            upper.plot(each.returns.index, wealth, label=each.name)
            lower.plot(each.returns.index, -100.0 * performance.drawdown(wealth))
    upper.set(ylabel="wealth, start = 1", title="Signal returns after costs")
    lower.set(xlabel="time", ylabel="drawdown, %")
    if upper.get_lines():  # where nobody trades there is nothing to name
        upper.legend()
    return figure


def rolling_information(report: Report) -> Figure:
    """The information coefficient over a rolling year; empty for a shorter span."""
    figure, axes = _figure()
    series = rolling_ic(report.model)
    axes.plot(series.index, series)
    axes.axhline(0.0, color="grey", linestyle=":")
    axes.set(xlabel="time", ylabel="IC over 252 dates", title="Rolling information coefficient")
    return figure


def windows(refits: Sequence[np.datetime64], skills: Mapping[str, pd.Series]) -> Figure:
    """Log score above each baseline, window by window, added up."""
    figure, axes = _figure()
    for name, values in skills.items():
        axes.plot(refits, values.cumsum(), label=f"above {name}")
    axes.axhline(0.0, color="grey", linestyle=":")
    axes.set(xlabel="refit", ylabel="log score, nats, cumulative", title="Walk forward")
    axes.legend()
    return figure


def _band(axes: Axes, model: Evaluation, bands: npt.NDArray[np.float64]) -> None:
    """Between the outermost levels."""
    times = model.returns.index
    low, high = bands[0][-len(times) :], bands[-1][-len(times) :]
    label = f"{model.name}, resampled"
    axes.fill_between(times, low, high, alpha=0.15, linewidth=0.0, label=label)


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(SIZE, layout="constrained")
    return figure, figure.subplots()
