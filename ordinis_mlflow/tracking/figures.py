"""The figures of a training run, as PNG artifacts under ``figures/``."""

from collections.abc import Sequence

import mlflow
import numpy as np
from matplotlib.figure import Figure

from ordinis_mlflow.evaluation import Evaluation, TestSpan
from ordinis_mlflow.network.state import Epoch
from ordinis_mlflow.scoring import performance
from ordinis_mlflow.signal import Signal

SIZE = (9.0, 4.5)
ROLLING_BARS = 20


def log_figures(
    epochs: Sequence[Epoch], signal: Signal, span: TestSpan, judged: Sequence[Evaluation]
) -> None:
    """Draw and log them all to the active run.

    Args:
        epochs: losses of the training.
        signal: the model's on the test span.
        span: the test span.
        judged: the model's evaluation first, then the baselines'.
    """
    mlflow.log_figure(loss_curve(epochs), "figures/loss.png")
    mlflow.log_figure(scale_against_realised(signal, span), "figures/volatility.png")
    mlflow.log_figure(pit_histogram(judged[0]), "figures/calibration.png")
    mlflow.log_figure(returns_and_drawdown(judged), "figures/returns.png")


def loss_curve(epochs: Sequence[Epoch]) -> Figure:
    """Train and validation loss by epoch, with the epoch that was kept."""
    figure = Figure(SIZE, layout="constrained")
    axes = figure.subplots()
    numbers = [epoch.number for epoch in epochs]
    axes.plot(numbers, [epoch.train_loss for epoch in epochs], marker=".", label="train")
    validation = [epoch.validation_loss for epoch in epochs]
    axes.plot(numbers, validation, marker=".", label="validation")
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    axes.axvline(best.number, color="grey", linestyle=":", label=f"kept: epoch {best.number}")
    axes.set(xlabel="epoch", ylabel="negative log-likelihood, nats", title="Loss")
    axes.legend()
    return figure


def scale_against_realised(signal: Signal, span: TestSpan) -> Figure:
    """Predicted scale beside the size of what happened, averaged over the symbols."""
    figure = Figure(SIZE, layout="constrained")
    axes = figure.subplots()
    times, where = np.unique(span.times, return_inverse=True)
    counts = np.bincount(where)
    predicted = np.bincount(where, signal.scale) / counts
    realised = np.bincount(where, np.abs(span.realised)) / counts
    smooth = np.convolve(realised, np.full(ROLLING_BARS, 1 / ROLLING_BARS), mode="same")
    axes.plot(times, realised, color="lightgrey", linewidth=0.7, label="absolute return")
    axes.plot(times, smooth, label=f"absolute return, {ROLLING_BARS}-bar centred mean")
    axes.plot(times, predicted, label="predicted scale")
    axes.set(
        xlabel="time",
        ylabel="log return over the horizon",
        title="Predicted scale and realised volatility",
    )
    axes.legend()
    return figure


def pit_histogram(model: Evaluation) -> Figure:
    """Histogram of the probability integral transform; flat if calibrated."""
    figure = Figure(SIZE, layout="constrained")
    axes = figure.subplots()
    axes.hist(model.pit, bins=20, range=(0.0, 1.0), density=True)
    axes.axhline(1.0, color="grey", linestyle=":")
    axes.set(xlabel="probability integral transform", ylabel="density", title="Calibration")
    return figure


def returns_and_drawdown(judged: Sequence[Evaluation]) -> Figure:
    """Wealth after costs of each that trades, and the drawdown below its peak."""
    figure = Figure((SIZE[0], 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for each in judged:
        wealth = performance.wealth(each.returns)
        upper.plot(each.returns.index, wealth, label=each.name)
        lower.plot(each.returns.index, -100.0 * performance.drawdown(wealth))
    upper.set(ylabel="wealth, start = 1", title="Signal returns after costs")
    lower.set(xlabel="time", ylabel="drawdown, %")
    upper.legend()
    return figure
