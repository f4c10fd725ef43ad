"""Forecast: the signal of a Student-t forecast, in NumPy and torch."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast

DEGREES = range(4, 31, 2)
SIZES = np.geomspace(1e-8, 1e6, 2000)
RATIOS = np.concatenate([-SIZES[::-1], [0.0], SIZES, np.linspace(-60.0, 60.0, 4001)])
NUMPY_64, NUMPY_32, TORCH_32 = "numpy float64", "numpy float32", "torch float32"
KINDS = {
    NUMPY_64: lambda x: np.asarray(x, dtype=np.float64),
    NUMPY_32: lambda x: np.asarray(x, dtype=np.float32),
    TORCH_32: lambda x: torch.asarray(x, dtype=torch.float32),
}

every_kind = pytest.mark.parametrize("kind", list(KINDS))
every_degree = pytest.mark.parametrize("degrees", DEGREES)


def signal_of(kind, location, scale=1.0, unit=0.01, degrees=6, band=0.1):
    make, shape = KINDS[kind], np.shape(location)
    arrays = (make(location), make(np.full(shape, scale)), make(np.full(shape, unit)))
    return Forecast(5, degrees, band).signal(*arrays)


@every_degree
@every_kind
def test_probability_is_the_distribution_function(kind, degrees):
    # What the arithmetic saw: the ratio, rounded to its precision.
    expected = scipy.stats.t.cdf(np.asarray(KINDS[kind](RATIOS), dtype=np.float64), degrees)
    probability = np.asarray(signal_of(kind, RATIOS, degrees=degrees)[2])
    atol = 1e-14 if kind == NUMPY_64 else 5e-7
    np.testing.assert_allclose(probability, expected, rtol=0, atol=atol)


# Beyond ratios of about 10 a rounding error may carry the sum past a half.
@every_kind
def test_probability_and_strength_keep_within_zero_and_one(kind):
    for degrees in DEGREES:
        _, _, probability, _, strength = signal_of(kind, RATIOS, degrees=degrees)
        for values in (probability, strength):
            assert float(values.min()) >= 0.0
            assert float(values.max()) <= 1.0


@every_kind
def test_signal_is_in_log_returns_and_keeps_the_precision(kind):
    location = KINDS[kind]([-1.0, 0.0, 2.0])
    scale, unit = KINDS[kind]([0.5, 1.0, 2.0]), KINDS[kind]([0.01, 0.02, 0.03])
    mean, spread, probability, direction, strength = Forecast(1, 4, 0.0).signal(
        location, scale, unit
    )
    np.testing.assert_allclose(mean, [-0.01, 0.0, 0.06], rtol=1e-6)
    np.testing.assert_allclose(spread, [0.005, 0.02, 0.06], rtol=1e-6)
    np.testing.assert_allclose(strength, np.abs(2 * np.asarray(probability) - 1), atol=1e-6)
    assert {str(x.dtype) for x in (mean, spread, probability, strength)} == {str(location.dtype)}
    assert str(direction.dtype).endswith("int64")


@every_kind
def test_probability_depends_on_the_ratio_alone_and_is_symmetric(kind):
    location = np.array([0.25, 1.0, 3.0])
    one = np.asarray(signal_of(kind, location)[2])
    np.testing.assert_array_equal(np.asarray(signal_of(kind, 4 * location, scale=4.0)[2]), one)
    np.testing.assert_array_equal(np.asarray(signal_of(kind, location, unit=7.0)[2]), one)
    opposite = np.asarray(signal_of(kind, -location)[2])
    np.testing.assert_allclose(opposite, 1 - one, rtol=0, atol=1e-7)


@every_kind
@pytest.mark.parametrize("band", [0.0, 0.1, 0.5, 0.9])
def test_direction_is_the_sign_of_the_mean_outside_the_band(kind, band):
    location = np.linspace(-4.0, 4.0, 801)
    _, _, _, direction, strength = map(np.asarray, signal_of(kind, location, band=band))
    tradable = strength >= np.asarray(KINDS[kind](band))
    np.testing.assert_array_equal(direction, np.where(tradable, np.sign(location), 0))
    assert set(direction.tolist()) == {-1, 0, 1}


@every_kind
def test_strength_at_the_band_trades_and_just_below_does_not(kind):
    strength = float(signal_of(kind, [0.7])[4][0])
    below, above = np.nextafter(np.float32(strength), np.float32([0.0, 1.0]), dtype=np.float32)
    for location, sign in ((0.7, 1), (-0.7, -1)):
        for band, direction in ((float(below), sign), (strength, sign), (float(above), 0)):
            assert int(signal_of(kind, [location], band=band)[3][0]) == direction


@every_kind
def test_no_forecast_has_no_direction_even_without_a_band(kind):
    _, _, probability, direction, strength = signal_of(kind, [0.0, -0.0], band=0.0)
    assert direction.tolist() == [0, 0]
    assert probability.tolist() == [0.5, 0.5]
    assert strength.tolist() == [0.0, 0.0]


@every_kind
@pytest.mark.parametrize("horizon", [1, 5, 20])
def test_unit_is_volatility_over_the_horizon_with_a_floor(kind, horizon):
    unit = Forecast(horizon, 6, 0.1).unit(KINDS[kind]([0.0, 1e-6, 0.01]), 1e-5)
    expected = np.array([1e-5, 1e-5, 0.01]) * math.sqrt(horizon)
    np.testing.assert_allclose(unit, expected, rtol=1e-6 if "32" in kind else 1e-15)
    assert str(unit.dtype) == str(KINDS[kind](0.0).dtype)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 6, 0.1), "horizon must be at least 1 bar, got 0"),
        ((-1, 6, 0.1), "horizon must be at least 1 bar, got -1"),
        ((1, 5, 0.1), "degrees_of_freedom must be even and at least 4, got 5"),
        ((1, 2, 0.1), "degrees_of_freedom must be even and at least 4, got 2"),
        ((1, 0, 0.1), "degrees_of_freedom must be even and at least 4, got 0"),
        ((1, 6, 1.0), r"no_trade_band must be in \[0, 1\), got 1.0"),
        ((1, 6, -0.1), r"no_trade_band must be in \[0, 1\), got -0.1"),
        ((1, 6, math.nan), r"no_trade_band must be in \[0, 1\), got nan"),
    ],
)
def test_forecast_refuses(arguments, message):
    with pytest.raises(InvalidConfig, match=message):
        Forecast(*arguments)
