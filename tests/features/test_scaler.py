"""Scaler: what it is fitted to, its inverse, its file and what it refuses."""

import json

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ordinis_mlflow.errors import InvalidConfig, InvalidContract
from ordinis_mlflow.features import Scaler, fit_scaler

COMMON = settings(max_examples=60, deadline=None)
NAMES = ("a", "b", "c")

every_method = pytest.mark.parametrize("method", ["standard", "robust"])
tables = st.integers(2, 30).flatmap(
    lambda rows: arrays(np.float64, (rows, 3), elements=st.floats(-1e6, 1e6))
)


def days(rows: int) -> np.ndarray:
    return np.datetime64("2020-01-01", "ns") + np.arange(rows).astype("timedelta64[D]")


def fit(values, method="standard", names=NAMES) -> Scaler:
    return fit_scaler(np.asarray(values), names, days(len(values)), method)


def numbers(seed: int = 0) -> np.ndarray:
    """Three columns of very different level and size."""
    return np.random.default_rng(seed).standard_t(4, (501, 3)) * [1e-3, 1.0, 1e6] + [0.5, -3.0, 1e5]


def test_standard_is_mean_and_population_deviation():
    values = numbers()
    scaler = fit(values)
    np.testing.assert_allclose(scaler.center, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.scale, np.std(values, axis=0, ddof=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.transform(values).mean(axis=0), 0.0, atol=1e-11)
    np.testing.assert_allclose(scaler.transform(values).std(axis=0), 1.0, rtol=1e-12)


def test_robust_is_median_and_normal_interquartile_range():
    values = numbers()
    scaler = fit(values, "robust")
    np.testing.assert_array_equal(scaler.center, np.median(values, axis=0))
    np.testing.assert_allclose(
        scaler.scale, scipy.stats.iqr(values, axis=0, scale="normal"), rtol=1e-12
    )


def test_robust_hardly_sees_an_outlier():
    values = numbers()
    wild = values.copy()
    wild[0] = 1e12
    calm, robust = fit(values, "robust"), fit(wild, "robust")
    np.testing.assert_allclose(robust.scale, calm.scale, rtol=0.05)
    assert np.all(np.array(fit(wild).scale) > 1e3 * np.array(calm.scale))


def test_scaler_records_its_rows():
    times = days(501)[::-1]
    scaler = fit_scaler(numbers(), NAMES, times)
    assert (scaler.names, scaler.rows, scaler.method) == (NAMES, 501, "standard")
    assert scaler.first == "2020-01-01T00:00:00.000000000"
    assert np.datetime64(scaler.last) == times[0]


@every_method
@COMMON
@given(values=tables)
def test_inverse_undoes_transform(method, values):
    scaler = fit(values, method)
    size = np.abs(values).max() + np.abs(scaler.center).max()
    back = scaler.inverse(scaler.transform(values))
    np.testing.assert_allclose(back, values, rtol=0, atol=4 * np.finfo(float).eps * size)


@every_method
@COMMON
@given(values=tables)
def test_scaled_rows_are_finite(method, values):
    assert np.isfinite(fit(values, method).transform(values)).all()


@every_method
@pytest.mark.parametrize("value", [0.0, 0.1, -3.3, 1e9])
def test_constant_feature_is_scaled_by_one(method, value):
    values = numbers()
    values[:, 1] = value
    scaler = fit(values, method)
    assert scaler.scale[1] == 1.0
    assert scaler.scale[0] != 1.0
    # The mean of equal numbers may differ from them in the last bits.
    atol = 1e-12 * abs(value)
    np.testing.assert_allclose(scaler.transform(values)[:, 1], 0.0, rtol=0, atol=atol)


@every_method
def test_a_small_feature_is_not_a_constant_one(method):
    values = 1e-9 * np.random.default_rng(1).standard_normal((200, 3))
    assert np.std(fit(values, method).transform(values), axis=0) == pytest.approx(1.0, rel=0.2)


def test_scaler_applies_to_windows():
    scaler, windows = fit(numbers()), numbers(1)[:500].reshape(100, 5, 3)
    scaled = scaler.transform(windows)
    np.testing.assert_array_equal(scaled[7, 2], scaler.transform(windows[7, 2]))
    np.testing.assert_allclose(scaler.inverse(scaled), windows, rtol=1e-10)


finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@COMMON
@given(center=st.tuples(finite, finite), scale=st.tuples(positive, positive))
def test_json_keeps_every_bit(center, scale):
    scaler = Scaler("robust", ("a", "ü"), center, scale, 7, "2020-01-01", "2021-01-01")
    assert Scaler.from_json(scaler.to_json()) == scaler


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_fit_refuses_rows_that_are_not_finite(bad):
    values = numbers()
    values[3, 1] = bad
    with pytest.raises(InvalidConfig, match="all finite"):
        fit(values)


@pytest.mark.parametrize("rows", [0, 1])
def test_fit_refuses_too_few_rows(rows):
    with pytest.raises(InvalidConfig, match=f"at least 2 rows, all finite, .* got {rows} rows"):
        fit(numbers()[:rows])


def test_fit_refuses_an_unknown_method():
    with pytest.raises(InvalidConfig, match="must be 'standard' or 'robust', got 'minmax'"):
        fit(numbers(), "minmax")


def test_fit_refuses_a_wrong_number_of_names():
    with pytest.raises(InvalidContract, match="got 2 names, 3 centers, 3 scales"):
        fit(numbers(), names=("a", "b"))


def text_with(**changes) -> str:
    values = json.loads(fit(numbers()).to_json())
    return json.dumps(values | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_with(scale=[1.0, 0.0, 1.0]), "scale 0.0 for 'b'"),
        (text_with(scale=[1.0, 1.0, -2.0]), "scale -2.0 for 'c'"),
        (text_with(scale=[1.0, 1.0, float("inf")]), "scale inf for 'c'"),
        (text_with(center=[float("nan"), 1.0, 1.0]), "nan and scale .* for 'a'"),
        (text_with(center=[1.0, 1.0]), "got 3 names, 2 centers, 3 scales"),
        (text_with(names=["a"]), "got 1 names, 3 centers, 3 scales"),
        (text_with(scale=["1", 1.0, 1.0]), "is not a scaler"),
        (text_with(scale=1.0), "is not a scaler"),
        (text_with(colour="blue"), "colour"),
        ("{}", "names"),
        ('{"names": [], "center": [], "scale": []}', "method"),
        ("", "is not a scaler"),
        ("garbage", "is not a scaler"),
        ("[]", "is not a scaler"),
        ("null", "is not a scaler"),
        ("7", "is not a scaler"),
        (text_with().replace('"rows": 501', '"rows": ' + "5" * 5000), "is not a scaler"),
        (text_with(center=[10**400, 1.0, 1.0]), "is not a scaler"),
        ("[" * 100_000, "is not a scaler"),
    ],
    ids=[
        "scale-0", "scale-negative", "scale-inf", "center-nan", "centers-few", "names-few",
        "text-scale", "number-scale", "unknown-key", "no-names", "no-method", "empty", "garbage",
        "list", "null", "number", "digits", "huge-integer", "deep",
    ],
)  # fmt: skip
def test_from_json_refuses(text, message):
    with pytest.raises(InvalidContract, match=message):
        Scaler.from_json(text)
