import numpy as np
import pytest
from drift_tables import NAMES, table
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ordinis_mlflow.drift import DriftReference

NUMBERS = st.floats(-1e12, 1e12)
TABLES = st.integers(1, 4).flatmap(lambda k: arrays(np.float64, (60, k), elements=NUMBERS))


@settings(max_examples=40, deadline=None)
@given(TABLES, st.data())
def test_what_is_read_is_what_was_written(values, data):
    size = values.shape[1]
    names = data.draw(st.lists(st.text(), min_size=size, max_size=size, unique=True))
    fitted = DriftReference.fit(values, names, window=7, embargo=3)
    read = DriftReference.from_bytes(fitted.to_bytes())
    assert (read.columns, read.window, read.alpha) == (tuple(names), 7, 0.05)
    assert read.to_bytes() == fitted.to_bytes()
    for name in ("ordered", "limits", "stands_still"):
        assert (getattr(read, name) == getattr(fitted, name)).all()
    assert str(read.check(values, names)) == str(fitted.check(values, names))


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_same_reference_gives_the_same_bytes_whatever_its_memory_looks_like(order):
    values = np.array(table(600), order=order)
    assert DriftReference.fit(values, NAMES).to_bytes() == (
        DriftReference.fit(table(600), list(NAMES)).to_bytes()
    )
