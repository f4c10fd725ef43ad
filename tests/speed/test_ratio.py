"""The median of paired ratios: held to draws of a known ratio under noise that both share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidTelemetry
from ordinis_mlflow.speed import Ratio

SECONDS = st.floats(1e-6, 1e3)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=5, max_size=40))
def test_swapping_the_two_turns_it_over(pairs):
    first, second = zip(*pairs, strict=True)
    there, back = Ratio.of(first, second), Ratio.of(second, first)
    assert there.low <= there.value <= there.high
    assert there.above == (there.low > 1)
    assert there.below == (there.high < 1)
    if len(pairs) % 2:  # of an even number the median is a mean of two, and 1/x is not linear
        assert there.value == pytest.approx(1 / back.value)


@given(st.lists(SECONDS, min_size=5, max_size=40), st.floats(0.1, 10.0))
def test_an_exact_ratio_is_found_whatever_the_machine_did(seconds, ratio):
    found = Ratio.of(np.array(seconds) * ratio, seconds)
    assert [found.low, found.value, found.high] == pytest.approx([ratio] * 3)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random, hits, tries = np.random.default_rng(1), 0, 300
    for _ in range(tries):
        slow = np.exp(random.normal(0.0, 1.0, 21))  # the machine, in both
        first, second = (slow * np.exp(random.normal(0.0, 0.1, 21)) for _ in range(2))
        found = Ratio.of(1.2 * first, second)
        hits += found.low <= 1.2 <= found.high
    assert 0.88 <= hits / tries <= 0.99


def test_noise_alone_is_rarely_called_a_gain():
    random = np.random.default_rng(2)
    called = [Ratio.of(*np.exp(random.normal(0.0, 0.3, (2, 20)))).above for _ in range(300)]
    assert np.mean(called) < 0.06


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0] * 4, [1.0] * 4), ([1.0] * 5, [1.0] * 6), ([1.0] * 4 + [0.0], [1.0] * 5),
     ([1.0] * 4 + [np.nan], [1.0] * 5), ([np.inf] * 5, [1.0] * 5)],
)  # fmt: skip
def test_what_is_no_ratio_is_refused(first, second):
    with pytest.raises(InvalidTelemetry, match="a ratio"):
        Ratio.of(first, second)
