"""Archives that nobody vouches for: arrays, or one error."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidArchive
from ordinis_mlflow.npz import read_arrays

MOST = 10_000


def packed(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_arrays_come_back():
    arrays = {"a": np.arange(3), "b": np.ones((2, 2))}
    got = read_arrays(packed(**arrays), MOST)
    assert got.keys() == arrays.keys()
    assert all(np.array_equal(got[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        zipped("a.npy", b"not an array"),
        zipped("a.txt", b"words"),
        zipped("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((("),
        packed(a=np.zeros(MOST)),
        np.arange(3).tobytes(),
    ],
)
def test_what_is_none_is_refused(content):
    with pytest.raises(InvalidArchive):
        read_arrays(content, MOST)


WHOLE = packed(a=np.arange(5.0), b=np.array([True]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_arrays_or_the_one_error(at, change):
    content = bytearray(WHOLE)
    content[at] ^= change
    with contextlib.suppress(InvalidArchive):
        read_arrays(bytes(content), MOST)
