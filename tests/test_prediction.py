"""A prediction: the same rule of trading for models and baselines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.signal import Signal

locations = st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=20).map(np.array)


@given(locations, st.sampled_from([4, 6, 10]), st.floats(0.0, 0.5))
def test_a_distribution_is_traded_as_a_model_s_signal(location, freedom, band):
    forecast = Forecast(1, freedom, band)
    one = np.ones_like(location)
    signal = Signal(*forecast.signal(location, 0.8 * one, one))
    model = Prediction.of_signal("model", signal, freedom)
    other = Prediction.student_t("model", location, 0.8, freedom, band)
    np.testing.assert_allclose(other.probability_up, model.probability_up, atol=1e-12)
    edge = np.abs(np.abs(2 * model.probability_up - 1) - band) < 1e-9
    np.testing.assert_allclose(other.position[~edge], model.position[~edge], atol=1e-12)


def test_probability_is_that_of_the_distribution():
    made = Prediction.student_t("t", [0.1, -0.2], [0.5, 1.0], [5.0, 30.0], 0.0)
    expected = stats.t.sf(0.0, [5.0, 30.0], [0.1, -0.2], [0.5, 1.0])
    np.testing.assert_allclose(made.probability_up, expected)


def test_nothing_is_held_inside_the_band():
    made = Prediction.student_t("t", np.array([0.01, 1.0]), 1.0, 6.0, 0.1)
    assert made.position[0] == 0.0
    assert made.position[1] > 0.1
    assert made.always_long().position.tolist() == [1.0, 1.0]
    assert made.position[0] == 0.0


def test_parts_of_one_forecaster_are_joined():
    parts = [Prediction.student_t("t", np.full(n, 0.1 * n), 1.0, 6.0, 0.0) for n in (1, 2, 3)]
    joined = Prediction.concatenate(parts)
    assert len(joined) == 6
    assert joined.mean.tolist() == pytest.approx([0.1, 0.2, 0.2, 0.3, 0.3, 0.3])
    with pytest.raises(InvalidConfig, match=r"of one forecaster are joined, got \['a', 't'\]"):
        Prediction.concatenate([parts[0], Prediction.student_t("a", 0.0, 1.0, 6.0, 0.0)])
