"""Differences by date against their definition, on rows that the two do not share."""

import numpy as np
import pytest
from scipy import stats

from ordinis_mlflow.evaluation import Judged, TestSpan, dated_differences, judge
from ordinis_mlflow.prediction import Prediction

NU, DATES = 6.0, 120


def judged(name, symbols, sharp, seed, first=0, dates=DATES):
    """Outcomes with one forecaster: each symbol has a row a date."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2020-01-01", "ns") + np.arange(first, first + dates) * np.timedelta64(
        1, "D"
    )
    times, names = (each.ravel() for each in np.meshgrid(days, symbols, indexing="ij"))
    n = len(times)
    realised = 0.01 * rng.standard_t(NU, n)
    span = TestSpan(names, times, realised, np.full(n, 0.01), 0.1 * realised, 1, 1.0)
    mean = np.full(n, 0.0) + (0.5 * realised if sharp else 0.0)
    said = Prediction.student_t(name, mean, np.full(n, 0.01), NU, 0.0)
    return Judged(span, judge(span, said))


def log_scores(each):
    """Of each date: its mean, from scipy's density."""
    span = each.span
    mean = 0.5 * span.realised if each.evaluation.name == "sharp" else 0.0
    score = stats.t.logpdf((span.realised - mean) / 0.01, NU)
    return np.array([score[span.times == date].mean() for date in span.dates])


def test_values_are_means_over_the_dates_that_both_have():
    one = judged("sharp", ["A", "B", "C"], True, 1)
    other = judged("blunt", ["D", "E"], False, 2, first=20)
    found = dated_differences(one, other, samples=400)
    gap = log_scores(one)[20:] - log_scores(other)[:-20]
    difference = found["log_score_nats"]
    assert difference.dates == DATES - 20
    assert difference.value == pytest.approx(gap.mean(), rel=1e-9)
    # Nothing depends on time here, so the long-run error is near the plain one.
    plain = gap.std() / np.sqrt(len(gap))
    assert 0.5 * plain < difference.standard_error < 1.6 * plain
    assert difference.interval.low < difference.value < difference.interval.high
    width = difference.interval.high - difference.interval.low
    assert 0.5 * 3.92 * plain < width < 1.6 * 3.92 * plain
    assert difference.value / difference.standard_error > 3.0
    assert found["brier_score"].value < 0.0


def test_a_forecaster_differs_from_itself_by_nothing():
    one = judged("blunt", ["A"], False, 1)
    for each in dated_differences(one, one, samples=50).values():
        assert (each.value, each.standard_error) == (0.0, 0.0)
        assert (each.interval.low, each.interval.high) == (0.0, 0.0)


@pytest.mark.parametrize(("shared", "enough"), [(19, False), (20, True)])
def test_few_dates_say_nothing(shared, enough):
    one = judged("sharp", ["A"], True, 1)
    other = judged("blunt", ["B"], False, 2, first=DATES - shared)
    assert bool(dated_differences(one, other, samples=50)) is enough
