import warnings

import numpy as np
import pandas as pd
import pytest
from drift_tables import NAMES, table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ordinis_mlflow.drift import DriftReference, Stabiliser
from ordinis_mlflow.drift.distance import LEAST_SPREAD, blocks, coupling, normed_wasserstein
from ordinis_mlflow.drift.limits import prediction_limits, window_distances

VALUES = st.floats(-1e3, 1e3)


def samples(draw_from=VALUES):
    return st.integers(1, 40).flatmap(lambda n: arrays(np.float64, n, elements=draw_from))


@pytest.fixture(scope="module")
def evidently_distance():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently.legacy.calculations.stattests import wasserstein_distance_norm as module
        from evidently.legacy.core import ColumnType

    def distance(reference, current):
        series = pd.Series(reference), pd.Series(current)
        return module._wasserstein_distance_norm(*series, ColumnType.Numerical, 0.1)[0]

    return distance


@given(samples(), samples())
def test_the_distance_is_scipys_over_the_deviation(reference, current):
    ours = normed_wasserstein(
        np.sort(reference)[None], np.sort(current)[None], np.array([np.std(reference)])
    )
    expected = stats.wasserstein_distance(reference, current)
    expected /= max(np.std(reference), LEAST_SPREAD)
    assert ours[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_checks_distance_is_evidentlys_of_the_stabilised_columns(evidently_distance):
    past, now = table(700), table(60, seed=1)
    reference = DriftReference.fit(past, NAMES)
    maps = reference.stabiliser
    expected = [
        evidently_distance(*each)
        for each in zip(maps.apply(past).T, maps.apply(now).T, strict=True)
    ]
    observed = [verdict.observed for verdict in reference.check(now, NAMES).verdicts]
    assert observed == pytest.approx(expected, rel=1e-12)


def test_the_least_deviation_is_evidentlys(evidently_distance):
    reference, current = np.full(50, 2.0), np.full(20, 2.5)
    ours = normed_wasserstein(reference[None], current[None], np.zeros(1))
    assert ours[0] == pytest.approx(evidently_distance(reference, current), rel=1e-12)


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_coupling_gives_each_value_its_share(n, m):
    pairs = coupling(n, m)
    assert np.bincount(pairs.reference, pairs.weight, n) == pytest.approx(np.full(n, 1 / n))
    assert np.bincount(pairs.current, pairs.weight, m) == pytest.approx(np.full(m, 1 / m))
    assert (np.diff(pairs.reference) >= 0).all()
    assert (np.diff(pairs.current) >= 0).all()


@given(st.integers(0, 50), st.integers(0, 1 << 21))
def test_blocks_cover_everything_once(count, size):
    covered = [at for part in blocks(count, size) for at in range(count)[part]]
    assert covered == list(range(count))


@pytest.mark.parametrize(("window", "stride", "embargo"), [(10, 1, 0), (12, 5, 4), (25, 7, 20)])
def test_window_distances_are_those_of_each_window_from_the_rest(window, stride, embargo):
    rows = 110
    values = Stabiliser.fit(table(rows)).apply(table(rows))
    expected = []
    for begin in range(0, rows - window + 1, stride):
        before, after = max(begin - embargo, 0), min(begin + window + embargo, rows)
        rest = np.concatenate([values[:before], values[after:]])
        inside = values[begin : begin + window]
        expected.append(
            [
                stats.wasserstein_distance(a, b) / max(np.std(a), 1e-3)
                for a, b in zip(rest.T, inside.T, strict=True)
            ]
        )
    ours = window_distances(values, window, stride, embargo)
    assert ours == pytest.approx(np.array(expected), rel=1e-9)


def test_a_prediction_limit_holds_for_one_more_window():
    """Of independent log-normal distances, the next one is beyond with probability alpha."""
    rng = np.random.default_rng(0)
    distances = np.exp(rng.normal(size=(4000, 9, 3)))
    beyond = [
        (each[8] > prediction_limits(each[:8], windows=8.0, alpha=0.15)) for each in distances
    ]
    assert np.mean(beyond, axis=0) == pytest.approx(np.full(3, 0.05), abs=0.012)
    assert 0.12 < np.mean(np.any(beyond, axis=1)) < 0.15 + 0.012
