import numpy as np
import pytest
from drift_tables import table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ordinis_mlflow.drift import Stabiliser
from ordinis_mlflow.drift.transform import LEAST_RATIO, _skewness

EVERY = st.floats(allow_nan=False, allow_infinity=False)


def test_only_positive_and_skewed_columns_are_read_on_a_log_scale():
    values = table(500)
    values = np.column_stack([values, -values[:, 1]])
    assert Stabiliser.fit(values).logarithmic.tolist() == [False, True, False, False, False]


def test_the_maps_are_the_formulas():
    values = table(500)
    maps = Stabiliser.fit(values)
    median = np.median(values, axis=0)
    mad = stats.median_abs_deviation(values, axis=0) * 1.4826
    expected = np.arcsinh((values - median) / mad)
    expected[:, 1] = np.log(values[:, 1] / median[1])
    assert maps.apply(values) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_skewness_is_scipys():
    values = table(500)
    assert _skewness(values) == pytest.approx(stats.skew(values, axis=0))


def test_where_most_values_are_equal_the_scale_is_the_deviation_and_of_a_constant_one():
    values = np.zeros((100, 2))
    values[:10, 0] = -1.0
    maps = Stabiliser.fit(values)
    assert maps.scale.tolist() == pytest.approx([0.3, 1.0])
    assert np.ptp(maps.apply(values)[:, 1]) == 0


def test_a_zero_is_far_out_on_a_log_scale_and_not_infinite():
    values = table(500)[:, [1]]
    maps = Stabiliser.fit(values)
    assert maps.apply(np.array([[0.0], [-5.0]])).tolist() == [[np.log(LEAST_RATIO)]] * 2


@given(arrays(np.float64, st.integers(2, 30), elements=EVERY), st.integers(0, 1))
def test_any_finite_values_keep_their_order_and_stay_finite(values, kind):
    maps = Stabiliser.fit(table(200)[:, [kind]])
    mapped = maps.apply(np.sort(values)[:, None])[:, 0]
    assert np.isfinite(mapped).all()
    assert (np.diff(mapped) >= -1e-12 * np.abs(mapped[1:])).all()


def test_what_is_not_a_number_stays_none():
    mapped = Stabiliser.fit(table(200)).apply(np.full((1, 4), np.nan))
    assert np.isnan(mapped).all()


def test_maps_of_some_columns_are_those_of_all():
    values = table(300)
    maps = Stabiliser.fit(values)
    some = np.array([2, 1])
    assert (maps.take(some).apply(values[:, some]) == maps.apply(values)[:, some]).all()
