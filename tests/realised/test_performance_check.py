"""Worse performance is found, chance is not taken for it, and what cannot be judged says so."""

import math
from dataclasses import replace

import numpy as np
import pytest
from simulated import matured

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.realised import PerformanceSettings, check, unjudged
from ordinis_mlflow.realised.check import (
    CALIBRATION,
    IC,
    NAMES,
    SKILL,
    critical_value,
    lags_of,
)
from ordinis_mlflow.scoring.skill import information_coefficient, newey_west_mean

REPLICATIONS = 120


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def verdict(found, name):
    (one,) = (each for each in found.verdicts if each.name == name)
    return one


def test_the_critical_value_is_the_quantile_of_the_statistic(rng):
    for dates, lags in ((125, 13), (250, 70)):
        drawn = [newey_west_mean(rng.standard_normal(dates), lags) for _ in range(4000)]
        below = [one.value < -critical_value(lags, dates) * one.standard_error for one in drawn]
        assert np.mean(below) == pytest.approx(0.01, abs=0.006)


@pytest.mark.parametrize(("horizon", "dates"), [(1, 125), (5, 250), (20, 250)])
def test_false_verdicts_are_as_rare_as_stated(horizon, dates):
    """Of 120 stationary markets, at most as many as 8 % would have in 199 cases of 200."""
    rng = np.random.default_rng(horizon)
    true = matured(40_000, horizon, 0.15, rng)
    ic = information_coefficient(true.mean, true.realised, 80, rank=True).value
    settings = PerformanceSettings(reference_ic=ic, most=dates)
    expected = true.skill.mean()
    found = []
    for _ in range(REPLICATIONS):
        one = matured(3 * dates, horizon, 0.15, rng)
        found.append(check(replace(one, skill=one.skill - expected), settings).alarm)
    assert sum(found) <= 18


def test_lost_skill_is_found(rng):
    settings = PerformanceSettings(reference_ic=0.3)
    found = [check(matured(125, 1, 0.3, rng, works=0.0), settings).worse for _ in range(40)]
    assert sum(IC in each for each in found) >= 25


def test_several_symbols_of_a_date_count_as_one(rng):
    """The same symbol four times says no more than once."""
    one = matured(500, 1, 0.2, rng)
    columns = ("ids", "times", "ends", "mean", "realised", "pit", "skill")
    four = replace(one, **{name: np.tile(getattr(one, name), 4) for name in columns})
    for name in (SKILL, CALIBRATION):
        mine, theirs = (verdict(check(each, PerformanceSettings()), name) for each in (one, four))
        assert theirs.observed == pytest.approx(mine.observed, rel=1e-9)
        assert theirs.limit == pytest.approx(mine.limit, rel=1e-9)
    assert verdict(check(four, PerformanceSettings()), IC).limit == pytest.approx(
        verdict(check(one, PerformanceSettings()), IC).limit, rel=1e-9
    )


def test_a_forecast_that_is_too_sure_is_worse_in_skill_and_calibration(rng):
    one = matured(500, 1, 0.1, rng)
    new = np.arange(500) >= 250
    sides = np.where(one.pit > 0.5, 0.99, 0.01)
    sure = replace(one, pit=np.where(new, sides, one.pit), skill=one.skill - new)
    found = check(sure, PerformanceSettings())
    assert found.worse == (SKILL, CALIBRATION)
    assert found.alarm
    assert not found.unjudged
    assert "worse than chance explains" in verdict(found, SKILL).reason


def test_a_calibration_that_never_was_has_not_got_worse(rng):
    one = matured(500, 1, 0.1, rng)
    sure = replace(one, pit=np.where(one.pit > 0.5, 0.99, 0.01))
    assert verdict(check(sure, PerformanceSettings()), CALIBRATION).passed


def test_an_uncertain_reference_asks_for_more(rng):
    one = matured(250, 1, 0.1, rng)
    sharp = verdict(check(one, PerformanceSettings(reference_ic=0.2)), IC)
    vague = verdict(check(one, PerformanceSettings(reference_ic=0.2, reference_error=0.1)), IC)
    assert vague.limit < sharp.limit < 0.2


@pytest.mark.parametrize(("horizon", "dates", "least"), [(1, 124, 125), (20, 199, 200)])
def test_too_few_dates_are_not_judged_and_say_so(rng, horizon, dates, least):
    found = check(matured(dates, horizon, 0.0, rng), PerformanceSettings(reference_ic=1.0))
    assert found.unjudged == NAMES
    assert not found.alarm
    assert all(f"of {dates} dates" in each.reason for each in found.verdicts)
    assert all(f"and {least} are needed" in each.reason for each in found.verdicts)
    assert all(math.isnan(each.observed) and not each.passed for each in found.verdicts)


def test_what_a_single_test_lacks_is_said_by_that_one(rng):
    one = matured(125, 1, 0.1, rng)
    bare = replace(one, skill=np.empty(0), mean=np.zeros(len(one)))
    found = check(bare, PerformanceSettings())
    assert found.unjudged == NAMES
    assert "rank nothing" in verdict(found, IC).reason
    assert "baseline" in verdict(found, SKILL).reason
    assert "dates before the newest" in verdict(found, CALIBRATION).reason


def test_nothing_to_judge():
    assert unjudged("not judged: no log").unjudged == NAMES


def test_lags_cover_the_label():
    assert all(lags_of(horizon) >= horizon - 1 for horizon in range(1, 300))


@pytest.mark.parametrize(
    "wrong", [{"least": 59}, {"most": 100}, {"reference_ic": 1.1}, {"reference_error": -1.0}]
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(InvalidConfig):
        PerformanceSettings(**wrong)
