"""Verdicts on two runs of a model, at their edges."""

import math

import numpy as np
import pytest

from ordinis_mlflow.graph.agreement import agreement, parity
from ordinis_mlflow.signal import Signal


def made(n=1000, **changes):
    probability = np.linspace(0.1, 0.9, n).astype(np.float32)
    fields = {
        "mean": (probability - 0.5) / 10,
        "scale": np.full(n, 0.01, np.float32),
        "probability_up": probability,
        "direction": np.sign(probability - 0.5).astype(np.int64),
        "strength": np.abs(2 * probability - 1),
        **changes,
    }
    return Signal(**fields)


def poisoned(name, value):
    values = getattr(made(), name).copy()
    values[7] = value
    return made(**{name: values})


def test_a_signal_agrees_with_itself():
    verdict = parity("x", made(), made())
    assert verdict.passed
    assert verdict.observed == 0.0
    for verdict in agreement("x", made(), made()):
        assert verdict.passed


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # inf - inf
@pytest.mark.parametrize("name", ["mean", "scale", "probability_up", "strength"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_parity_fails_on_numbers_that_are_not_finite(name, value):
    for pair in ((poisoned(name, value), made()), (made(), poisoned(name, value))):
        verdict = parity("x", *pair)
        assert not verdict.passed
        assert verdict.observed == math.inf


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_parity_fails_where_both_sides_are_nan():
    assert not parity("x", poisoned("mean", math.nan), poisoned("mean", math.nan)).passed


@pytest.mark.parametrize(("shift", "passed"), [(0.9e-5, True), (1.1e-5, False)])
def test_parity_is_measured_in_units_of_scale(shift, passed):
    mean = made().mean.astype(np.float64)
    mean[500] += shift * 0.01
    verdict = parity("x", made(mean=mean), made(mean=made().mean.astype(np.float64)))
    assert verdict.passed is passed
    assert verdict.observed == pytest.approx(shift, rel=1e-3)


@pytest.mark.parametrize(("flipped", "passed"), [(0, True), (2, True), (3, False), (1000, False)])
def test_flips_are_counted(flipped, passed):
    direction = made().direction.copy()
    direction[:flipped] *= -1
    _, flips = agreement("int8", made(direction=direction), made())
    assert flips.name == "int8_direction_flips"
    assert flips.observed == flipped / 1000
    assert flips.passed is passed
    assert flips.limit == 0.002


def test_from_flat_to_a_side_is_a_flip():
    direction = made().direction.copy()
    direction[:5] = 0
    _, flips = agreement("int8", made(direction=direction), made())
    assert flips.observed == 0.005


def test_rank_correlation_is_of_order_and_not_of_size():
    cubed = made(probability_up=made().probability_up ** 3)
    correlation, _ = agreement("int8", cubed, made())
    assert correlation.name == "int8_rank_correlation"
    assert correlation.observed == pytest.approx(1.0)
    shuffled = np.random.default_rng(0).permutation(made().probability_up)
    correlation, _ = agreement("int8", made(probability_up=shuffled), made())
    assert not correlation.passed


@pytest.mark.parametrize("side", ["candidate", "reference", "both"])
def test_constant_answers_never_agree(side):
    flat = made(probability_up=np.full(1000, 0.5, np.float32))
    candidate = flat if side != "reference" else made()
    reference = flat if side != "candidate" else made()
    correlation, _ = agreement("int8", candidate, reference)
    assert not correlation.passed
    assert correlation.observed == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_variant_that_overflows_is_a_failed_verdict_and_not_an_error(value):
    # An fp16 graph may overflow: it is to be dropped, as any variant that does not agree.
    verdicts = agreement("fp16", poisoned("probability_up", value), made())
    assert not all(verdict.passed for verdict in verdicts)
