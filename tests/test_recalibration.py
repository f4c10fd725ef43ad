"""Recalibration: its maps, in NumPy and torch, and how they are fitted."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import expit, logit

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.recalibration import (
    MOST_SLOPE,
    NONE,
    SURE,
    Recalibration,
    fit_isotonic,
    fit_platt,
    pooled,
)

KINDS = {
    "numpy float64": lambda x: np.asarray(x, dtype=np.float64),
    "numpy float32": lambda x: np.asarray(x, dtype=np.float32),
    "torch float32": lambda x: torch.asarray(x, dtype=torch.float32),
}
GRID = np.concatenate([[0.0, 1e-12, 1e-7], np.linspace(0.0, 1.0, 2001), [1 - 1e-7, 1.0]])
PLATT = Recalibration("platt", (0.4, 0.2))
ISOTONIC = Recalibration("isotonic", (0.2, 0.5, 0.6, 0.9, 0.3, 0.4, 0.4, 0.999))

every_kind = pytest.mark.parametrize("kind", KINDS)
every_fit = pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])


def outcomes(n, factor=1.0, shift=0.0, spread=0.6, seed=0):
    """Probabilities whose log odds are ``factor`` times too large, plus ``shift``; outcomes."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.0, spread, n)
    return expit(factor * odds + shift), rng.random(n) < expit(odds)


@st.composite
def platts(draw):
    return Recalibration("platt", (draw(st.floats(0.01, 10.0)), draw(st.floats(-5.0, 5.0))))


@st.composite
def isotonics(draw):
    number = draw(st.integers(2, 12))
    gaps = draw(st.lists(st.floats(0.05, 1.0), min_size=number + 1, max_size=number + 1))
    knots = SURE + (1 - 2 * SURE) * np.cumsum(gaps)[:-1] / sum(gaps)
    levels = np.sort(draw(st.lists(st.floats(SURE, 1 - SURE), min_size=number, max_size=number)))
    assume(levels[0] < levels[-1])
    return Recalibration("isotonic", (*knots, *levels))


@st.composite
def samples(draw, least=SURE):
    """(n,) probabilities in [least, 1 - least], and outcomes of both kinds."""
    n = draw(st.integers(2, 120))
    p = draw(st.lists(st.floats(least, 1 - least), min_size=n, max_size=n))
    happened = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    assume(np.ptp(p) > 1e-3 and len(set(happened)) == 2)
    return np.array(p), np.array(happened)


def isotonic_or_discard(probability, happened):
    """The fit; frequencies that do not rise are another test's."""
    try:
        return fit_isotonic(probability, happened)
    except InvalidConfig as error:
        assume("no more frequent" not in str(error))
        raise


def brier(probability, happened):
    return np.mean((probability - happened) ** 2)


def log_loss(probability, happened):
    return -np.mean(np.where(happened, np.log(probability), np.log1p(-probability)))


# --- the maps


@every_kind
@given(recalibration=st.one_of(platts(), isotonics()))
def test_map_is_monotone_and_of_probabilities(kind, recalibration):
    probability = KINDS[kind](np.sort(GRID))
    answered = recalibration.apply(probability)
    assert answered.dtype == probability.dtype
    values = np.asarray(answered)
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    rounding = 1e-15 if "64" in kind else 2e-7
    assert np.diff(values).min() >= -rounding


@every_kind
def test_unit_slope_and_no_intercept_change_nothing(kind):
    answered = Recalibration("platt", (1.0, 0.0)).apply(KINDS[kind](GRID))
    expected = np.clip(GRID, SURE, 1 - SURE)
    np.testing.assert_allclose(np.asarray(answered), expected, rtol=0, atol=1e-6)


@every_kind
def test_levels_equal_to_their_knots_change_nothing(kind):
    knots = (SURE, 0.25, 0.6, 1 - SURE)
    answered = Recalibration("isotonic", knots + knots).apply(KINDS[kind](GRID))
    expected = np.clip(GRID, SURE, 1 - SURE)
    np.testing.assert_allclose(np.asarray(answered), expected, rtol=0, atol=1e-6)


@every_kind
def test_none_is_the_probability_itself(kind):
    lean = KINDS[kind](GRID - 0.5)
    assert NONE.lean(lean) is lean


@given(recalibration=platts())
def test_platt_is_the_sigmoid_of_the_log_odds(recalibration):
    slope, intercept = recalibration.parameters
    expected = expit(slope * logit(np.clip(GRID, SURE, 1 - SURE)) + intercept)
    np.testing.assert_allclose(recalibration.apply(GRID), expected, rtol=0, atol=1e-13)


@given(recalibration=isotonics())
def test_isotonic_joins_its_knots(recalibration):
    knots, levels = np.reshape(recalibration.parameters, (2, -1))
    expected = np.interp(GRID, knots, levels)
    np.testing.assert_allclose(recalibration.apply(GRID), expected, rtol=0, atol=1e-13)


@given(recalibration=st.one_of(platts(), isotonics()))
def test_torch_and_numpy_agree_in_float32(recalibration):
    one = recalibration.apply(KINDS["numpy float32"](GRID))
    other = recalibration.apply(KINDS["torch float32"](GRID)).numpy()
    np.testing.assert_allclose(one, other, rtol=0, atol=5e-7)


# --- the value


@pytest.mark.parametrize("recalibration", [NONE, PLATT, ISOTONIC], ids=str)
def test_it_survives_json(recalibration):
    read = Recalibration(**json.loads(json.dumps(dataclasses.asdict(recalibration))))
    assert read == recalibration
    assert hash(read) == hash(recalibration)


def test_it_says_what_it_is():
    assert [str(each) for each in (NONE, PLATT)] == ["none", "platt(0.4, 0.2)"]


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("beta", (), "method must be one of .*'beta'"),
        (None, (), "method must be one of"),
        ("none", (1.0,), "'none' has no parameters, got"),
        ("platt", (), "needs a slope above 0 and an intercept"),
        ("platt", (1.0,), "needs a slope above 0 and an intercept"),
        ("platt", (0.0, 0.1), "needs a slope above 0 and an intercept"),
        ("platt", (-1.0, 0.1), r"needs a slope above 0 .* got \(-1.0, 0.1\)"),
        ("platt", (1.0, math.nan), "needs finite parameters"),
        ("platt", (math.inf, 0.0), "needs finite parameters"),
        ("isotonic", (), "needs two or more knots and as many levels"),
        ("isotonic", (0.5, 0.5), "needs two or more knots and as many levels"),
        ("isotonic", (0.2, 0.3, 0.4, 0.5, 0.6), "needs two or more knots and as many levels"),
        ("isotonic", (0.3, 0.3, 0.4, 0.5), "needs ascending knots"),
        ("isotonic", (0.3, 0.2, 0.4, 0.5), "needs ascending knots"),
        ("isotonic", (0.2, 0.3, 0.5, 0.4), "levels that rise and never descend"),
        ("isotonic", (0.2, 0.3, 0.4, 0.4), "levels that rise and never descend"),
        ("isotonic", (0.0, 0.3, 0.4, 0.5), "needs knots and levels from 0.001 to 0.999"),
        ("isotonic", (0.2, 0.3, 0.4, 1.0), "needs knots and levels from 0.001 to 0.999"),
    ],
)
def test_no_increasing_map_is_refused(method, parameters, message):
    with pytest.raises(InvalidConfig, match=message):
        Recalibration(method, parameters)


# --- inside a forecast


@every_kind
@pytest.mark.parametrize("recalibration", [PLATT, ISOTONIC], ids=str)
def test_direction_strength_and_probability_tell_one_story(kind, recalibration):
    location = KINDS[kind](np.linspace(-4.0, 4.0, 1001))
    ones = KINDS[kind](np.ones(1001))
    plain = Forecast(1, 6, 0.1).signal(location, ones, ones)
    signal = Forecast(1, 6, 0.1, recalibration).signal(location, ones, ones)
    mean, scale, probability, direction, strength = map(np.asarray, signal)
    np.testing.assert_array_equal(mean, np.asarray(plain[0]))
    np.testing.assert_array_equal(scale, np.asarray(plain[1]))
    expected = np.asarray(recalibration.apply(plain[2]))
    np.testing.assert_allclose(probability, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(strength, np.abs(2 * probability - 1), atol=5e-7)
    tradable = strength >= np.asarray(KINDS[kind](0.1))
    np.testing.assert_array_equal(direction, np.where(tradable, np.sign(probability - 0.5), 0))
    assert set(direction.tolist()) == {-1, 0, 1}
    assert direction.dtype == np.int64


def test_a_forecast_stays_a_value():
    one, other = (Forecast(1, 6, 0.1, Recalibration("platt", (0.4, 0.2))) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Forecast(1, 6, 0.1)


# --- fits


@given(samples())
def test_isotonic_is_never_worse_than_nothing_where_it_was_fitted(sample):
    probability, happened = sample
    fitted = isotonic_or_discard(probability, happened).apply(probability)
    assert brier(fitted, happened) <= brier(probability, happened) + 1e-12


@given(samples(least=0.0))
def test_no_fit_is_steeper_than_allowed(sample):
    assert 0.01 - 1e-12 <= fit_platt(*sample).parameters[0] <= MOST_SLOPE + 1e-9


@given(samples(least=0.0))
def test_no_line_is_steeper_than_allowed(sample):
    knots, levels = np.reshape(isotonic_or_discard(*sample).parameters, (2, -1))
    assert (np.diff(levels) <= MOST_SLOPE * np.diff(knots) + 1e-9).all()


@given(samples())
def test_pooling_is_the_max_min_formula(sample):
    """Robertson, Wright & Dykstra 1988: max over j ≤ i of min over k ≥ i of the mean of j to k."""
    probability, happened = sample
    lower = (probability[:, None] > probability).sum(axis=1)  # rows; ties share a bin
    number = lower * np.clip(len(lower) // 20, 1, 10) // len(lower)
    bins = [np.flatnonzero(number == each) for each in np.unique(number)]
    means = [
        max(
            min(happened[np.concatenate(bins[j : k + 1])].mean() for k in range(i, len(bins)))
            for j in range(i + 1)
        )
        for i in range(len(bins))
    ]
    centres, levels, weights = pooled(probability, happened.astype(float))
    np.testing.assert_allclose(levels, np.unique(np.round(means, 12)), atol=1e-9)
    assert weights.sum() == len(lower)
    np.testing.assert_allclose(np.average(centres, weights=weights), probability.mean())


def test_pooling_of_fine_bins_is_nearly_isotonic_regression():
    probability, happened = outcomes(4000, factor=2.0)
    order = np.argsort(probability)
    exact = optimize.isotonic_regression(happened[order].astype(float)).x
    fitted = fit_isotonic(probability, happened).apply(probability[order])
    assert np.mean(np.abs(fitted - exact)) < 0.02


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.4, 3.0), st.floats(-1.0, 1.0))
def test_platt_is_the_likeliest(seed, factor, shift):
    """No neighbour is likelier, given Platt's targets."""
    probability, happened = outcomes(300, factor, shift, seed=seed)
    fitted = fit_platt(probability, happened).parameters
    ups = happened.sum()
    target = np.where(happened, (ups + 1) / (ups + 2), 1 / (300 - ups + 2))
    odds = logit(np.clip(probability, SURE, 1 - SURE))

    def loss(slope, intercept):
        score = slope * odds + intercept
        return np.mean(np.logaddexp(0.0, score) - target * score)

    least = loss(*fitted)
    for step in (1e-3, -1e-3):
        assert least <= loss(fitted[0] + step, fitted[1]) + 1e-12
        assert least <= loss(fitted[0], fitted[1] + step) + 1e-12


@pytest.mark.parametrize("factor", [3.0, 2.0, 0.5])
def test_platt_finds_the_planted_factor(factor):
    probability, happened = outcomes(20_000, factor, shift=0.3)
    slope, intercept = fit_platt(probability, happened).parameters
    assert slope == pytest.approx(1 / factor, rel=0.1)
    assert intercept == pytest.approx(-0.3 / factor, abs=0.05)


@every_fit
def test_overconfidence_is_cured_on_new_rows(fit):
    fitted = fit(*outcomes(800, factor=3.0, seed=1))
    probability, happened = outcomes(5000, factor=3.0, seed=2)
    assert log_loss(fitted.apply(probability), happened) < log_loss(probability, happened) - 0.05


def test_a_forecast_that_is_the_wrong_way_round_is_not_turned():
    """That would be another model: the least slope is left, and no isotonic map."""
    probability, happened = outcomes(800)
    assert fit_platt(1 - probability, happened).parameters[0] == pytest.approx(0.01)
    with pytest.raises(InvalidConfig, match="no more frequent where its probability is higher"):
        fit_isotonic(1 - probability, happened)


@every_fit
def test_certainties_are_fitted_to(fit):
    probability = np.array([0.0, 1.0] * 50, dtype=np.float32)
    happened = np.array([False, True] * 40 + [True, False] * 10)
    fitted = fit(probability, happened)
    np.testing.assert_allclose(fitted.apply(probability[:2]), [0.2, 0.8], atol=0.02)


@every_fit
def test_ties_make_no_step(fit):
    probability = np.repeat([0.45, 0.5, 0.50000001, 0.55], 50)
    happened = np.arange(200) % 5 < np.repeat([1, 2, 3, 4], 50)
    fitted = fit(probability, happened)
    assert np.ptp(fitted.apply(np.array([0.5, 0.50000001]))) < 1e-6


@every_fit
@pytest.mark.parametrize(
    ("probability", "happened", "message"),
    [
        ([0.4, 0.5, 0.6], [1, 1, 1], "nothing to fit to in 3 rows"),
        ([0.4, 0.5, 0.6], [0, 0, 0], "nothing to fit to"),
        ([0.5, 0.5, 0.5], [0, 1, 1], "nothing to fit to"),
        ([0.5, 0.50001], [0, 1], "must differ by 0.0001 or more"),
        ([0.4, math.nan], [0, 1], r"probability must be in \[0, 1\]"),
        ([0.4, 1.1], [0, 1], r"probability must be in \[0, 1\]"),
        ([-0.1, 0.5], [0, 1], r"probability must be in \[0, 1\]"),
        ([0.4, 0.6], [0, 2], "happened true or false"),
        ([0.4, 0.6], [0.0, math.nan], "happened true or false"),
        ([0.4, 0.6], [0, 1, 1], "arrays of one length"),
        ([[0.4, 0.6]], [[0, 1]], "one-dimensional"),
    ],
)
def test_what_cannot_be_fitted_to_is_refused(fit, probability, happened, message):
    with pytest.raises(InvalidConfig, match=message):
        fit(probability, happened)


@pytest.mark.parametrize("happened", [[], [1]])
def test_no_rows_are_refused(happened):
    for fit in (fit_platt, fit_isotonic):
        with pytest.raises((InvalidConfig, ValueError)):
            fit([0.5] * len(happened), happened)
