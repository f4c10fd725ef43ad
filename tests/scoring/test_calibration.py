"""Calibration against scipy, simulations with stated seeds and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.calibration import pit_uniformity


def series(least=1, low=-10.0, high=10.0):
    return hnp.arrays(np.float64, st.integers(least, 40), elements=st.floats(low, high))


@given(series(low=0.0, high=1.0))
def test_uniformity_is_the_statistic_of_scipy(pit):
    expected = stats.kstest(pit, "uniform", method="asymp").statistic
    assert pit_uniformity(pit) == pytest.approx(expected, abs=1e-15)


def test_uniformity_by_hand():
    assert pit_uniformity([0.5]) == 0.5
    assert pit_uniformity([0.75, 0.25]) == 0.25
    assert pit_uniformity([0.0, 0.0]) == 1.0


@pytest.mark.parametrize("pit", [[-0.1, 0.5], [0.5, 1.1]])
def test_uniformity_refuses_what_is_no_probability(pit):
    with pytest.raises(InvalidConfig, match=r"probabilities in \[0, 1\], got"):
        pit_uniformity(pit)


def test_uniformity_of_no_value_is_refused():
    with pytest.raises(InvalidConfig, match="needs at least 1 values, got 0"):
        pit_uniformity([])
