"""Samples of several symbols, with labels of any length."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

DAY = np.timedelta64(86_400_000_000_000, "ns")
FIRST = np.datetime64("2024-01-01", "ns")


def days(*numbers):
    return FIRST + np.array(numbers, dtype=np.int64) * DAY


@st.composite
def panels(draw):
    """Starts and ends of samples of several symbols, in any order, with labels of any length."""
    n = draw(st.integers(3, 80))
    starts = draw(hnp.arrays(np.int64, n, elements=st.integers(-20, 60)))
    lengths = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 6)))
    return days(*starts), days(*(starts + lengths))
