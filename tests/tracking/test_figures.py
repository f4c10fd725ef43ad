"""Figures: drawn from little, with labelled axes."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from ordinis_mlflow.evaluation import TestSpan, report
from ordinis_mlflow.network.state import Epoch
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.tracking import figures
from ordinis_mlflow.tracking.report import bands

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
        horizon=1,
        cost_bps=1.0,
    )


@pytest.fixture
def made(span):
    n = len(span)
    scale = np.linspace(0.008, 0.012, n)
    location = 0.001 * np.cos(np.arange(n))
    model = Prediction.student_t("model", location, scale, 6.0, 0.0)
    zero = Prediction.student_t("zero_mean_volatility", 0.0, scale, 6.0, 0.0)
    hold = Prediction.student_t("buy_and_hold", np.full(n, 1e-4), 0.01, 6.0, 0.0).always_long()
    return report(span, model, [zero, hold], samples=50)


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


def test_volatility(made):
    (axes,) = checked(figures.scale_against_realised(made))
    lines = axes.get_lines()
    assert all(len(line.get_xdata()) == BARS for line in lines)  # one point a time
    mean = made.prediction.scale.reshape(-1, BARS).mean(axis=0)
    np.testing.assert_allclose(lines[-1].get_ydata(), mean, rtol=1e-6)
    assert axes.get_xlabel(), "the x axis has no label"


def test_calibration(made):
    (axes,) = checked(figures.pit_histogram(made.model))
    assert axes.get_xlabel() == "probability integral transform"
    area = sum(patch.get_height() * patch.get_width() for patch in axes.patches)
    assert area == pytest.approx(1.0)
    assert f"{made.model.metrics['pit_test_p_value']:.3f}" in axes.get_title()


def test_reliability(made):
    (axes,) = checked(figures.reliability(made))
    ((points, *_),) = axes.containers
    assert len(points.get_xdata()) == len(made.reliability)


def test_returns_and_drawdown(made):
    upper, lower = checked(figures.returns_and_drawdown(made.all, bands(made)))
    named = [text.get_text() for text in upper.get_legend().get_texts()]
    assert named == ["model, resampled", "model", "buy_and_hold"]  # who never traded has no line
    for line in lower.get_lines():
        assert (np.asarray(line.get_ydata()) <= 0).all()
    assert "%" in lower.get_ylabel()
    assert lower.get_xlabel(), "the x axis has no label"


def test_rolling_information_of_less_than_a_year_is_empty(made):
    (axes,) = checked(figures.rolling_information(made))
    assert axes.get_lines()[0].get_xdata().size == 0


def test_every_figure_of_a_report(made):
    drawn = figures.report_figures(made, bands(made))
    assert set(drawn) == {"volatility", "calibration", "reliability", "returns", "information"}
    for figure in drawn.values():
        checked(figure)
