"""Figures: drawn from little, with labelled axes."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from ordinis_mlflow.evaluation import TestSpan
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.network.state import Epoch
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.tracking import figures, log_figures

BARS = 40


@pytest.fixture(params=[1, 2], ids=["one symbol", "two symbols"])
def span(request):
    t = np.arange(BARS)
    times = np.datetime64("2024-01-01", "ns") + t * np.timedelta64(1, "D")
    each = [0.01 * np.sin(1.7 * t + shift) for shift in range(request.param)]
    names = [np.full(BARS, name) for name in ("AAA", "BBB")[: request.param]]
    returns = np.concatenate(each)
    return TestSpan(
        symbols=np.concatenate(names),
        times=np.tile(times, request.param),
        realised=returns,
        units=np.full(len(returns), 0.01),
        next_returns=np.expm1(returns),
        forecast=Forecast(horizon=1, degrees_of_freedom=6, no_trade_band=0.0),
        cost_bps=1.0,
    )


@pytest.fixture
def signal(span):
    n = len(span.realised)
    half = np.full(n, 0.5, np.float32)
    return Signal(
        mean=np.zeros(n, np.float32),
        scale=np.linspace(0.008, 0.012, n).astype(np.float32),
        probability_up=half,
        direction=np.ones(n, np.int64),
        strength=half,
    )


@pytest.fixture
def judged(span):
    n = len(span.realised)
    steady = (np.zeros(n), np.full(n, 0.01))
    return [
        span.judge(name, *steady, np.full(n, position))
        for name, position in (("model", 0.5), ("zero_mean_volatility", 0.0), ("buy_and_hold", 1.0))
    ]


def checked(figure):
    """Every axis is labelled (a shared one by its lowest panel), and it can be drawn."""
    assert isinstance(figure, Figure)
    assert all(axes.get_ylabel() for axes in figure.axes)
    assert figure.axes[0].get_title()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    return figure.axes


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_loss_curve(epochs):
    history = [Epoch(i, 2.0 / i, 2.0 / i + 0.1 * (i > 1)) for i in range(1, epochs + 1)]
    (axes,) = checked(figures.loss_curve(history))
    assert axes.get_xlabel() == "epoch"
    assert "nats" in axes.get_ylabel()
    train, validation, _ = axes.get_lines()
    assert len(train.get_xdata()) == len(validation.get_xdata()) == epochs
    kept = min(history, key=lambda epoch: epoch.validation_loss).number
    assert f"kept: epoch {kept}" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_loss_of_one_epoch_can_be_seen():
    """A line through one point is no line: it needs a marker."""
    (axes,) = figures.loss_curve([Epoch(1, 1.5, 1.6)]).axes
    for line in axes.get_lines()[:2]:
        assert line.get_marker() not in ("None", "", " ", None)


def test_volatility(signal, span):
    (axes,) = checked(figures.scale_against_realised(signal, span))
    lines = axes.get_lines()
    assert all(len(line.get_xdata()) == BARS for line in lines)  # one point a time
    symbols = len(span.realised) // BARS
    mean = signal.scale.reshape(symbols, BARS).mean(axis=0)
    np.testing.assert_allclose(lines[-1].get_ydata(), mean, rtol=1e-6)
    assert axes.get_xlabel(), "the x axis has no label"


def test_calibration(judged):
    (axes,) = checked(figures.pit_histogram(judged[0]))
    assert axes.get_xlabel() == "probability integral transform"
    area = sum(patch.get_height() * patch.get_width() for patch in axes.patches)
    assert area == pytest.approx(1.0)


def test_returns_and_drawdown(judged):
    upper, lower = checked(figures.returns_and_drawdown(judged))
    named = [text.get_text() for text in upper.get_legend().get_texts()]
    assert named == [each.name for each in judged]
    for line in lower.get_lines():
        assert (np.asarray(line.get_ydata()) <= 0).all()
    assert "%" in lower.get_ylabel()
    assert lower.get_xlabel(), "the x axis has no label"


def test_log_figures(signal, span, judged, monkeypatch):
    logged = {}
    monkeypatch.setattr(figures.mlflow, "log_figure", lambda f, path: logged.update({path: f}))
    log_figures([Epoch(1, 1.5, 1.6)], signal, span, judged)
    expected = {f"figures/{n}.png" for n in ("loss", "volatility", "calibration", "returns")}
    assert set(logged) == expected
