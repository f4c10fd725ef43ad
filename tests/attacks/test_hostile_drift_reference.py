"""Bytes that claim to be a drift reference: a clear refusal, or one that can be used."""

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
from drift_tables import NAMES, table
from hypothesis import given, settings
from hypothesis import strategies as st

from ordinis_mlflow.drift import DriftReference
from ordinis_mlflow.drift import archive as archives
from ordinis_mlflow.errors import InvalidDriftReference

WHOLE = DriftReference.fit(table(240), NAMES, window=30).to_bytes()


def parts():
    with np.load(io.BytesIO(WHOLE), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def repacked(**changes):
    arrays = {name: each for name, each in {**parts(), **changes}.items() if each is not None}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def about(**changes):
    words = json.loads(parts()["about"].tobytes())
    return np.frombuffer(json.dumps({**words, **changes}).encode(), dtype=np.uint8)


def raw(**entries):
    """An archive whose entries are these bytes, deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, each in parts().items():
            npy = io.BytesIO()
            np.save(npy, each, allow_pickle=False)
            packed.writestr(f"{name}.npy", entries.get(name, npy.getvalue()))
    return buffer.getvalue()


def header(text):
    """The begin of an .npy file that says this of itself."""
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


ORDERED = parts()["ordered"]
HOSTILE = {
    "nothing": b"",
    "no archive": b"{}",
    "half an archive": WHOLE[: len(WHOLE) // 2],
    "an array alone": b"\x93NUMPY\x01\x00",
    "an array is missing": repacked(limits=None),
    "an array too many": repacked(more=np.zeros(3)),
    "words that are no JSON": repacked(about=np.frombuffer(b"{", dtype=np.uint8)),
    "words of another kind": repacked(about=np.frombuffer(b"[1]", dtype=np.uint8)),
    "words without end": repacked(about=np.frombuffer(b"[" * 100_000, dtype=np.uint8)),
    "words that are no text": repacked(about=np.array([255, 254], dtype=np.uint8)),
    "a later format": repacked(about=about(format=2)),
    "a word too many": repacked(about=about(more=1)),
    "columns as a text": repacked(about=about(columns="abcd")),
    "columns of numbers": repacked(about=about(columns=[1, 2, 3, 4])),
    "columns of lists": repacked(about=about(columns=[[], [], [], []])),
    "a name twice": repacked(about=about(columns=["a", "b", "c", "a"])),
    "too few names": repacked(about=about(columns=["a", "b", "c"])),
    "no columns": repacked(about=about(columns=[])),
    "a window of none": repacked(about=about(window=0)),
    "a window of half a row": repacked(about=about(window=30.5)),
    "a window of True": repacked(about=about(window=True)),
    "a large alpha": repacked(about=about(alpha=2.0)),
    "alpha as a text": repacked(about=about(alpha="0.05")),
    "not a number": repacked(limits=np.full(4, np.nan)),
    "infinite limits, that never alarm": repacked(limits=np.full(4, np.inf)),
    "negative limits": repacked(limits=np.full(4, -1.0)),
    "scales of zero": repacked(scale=np.zeros(4)),
    "limits of another length": repacked(limits=np.ones(5)),
    "values in disorder": repacked(ordered=ORDERED[:, ::-1].copy()),
    "values in one row": repacked(ordered=ORDERED[0].copy()),
    "no values": repacked(ordered=ORDERED[:, :0].copy()),
    "whole numbers": repacked(ordered=ORDERED.astype(np.int64)),
    "complex numbers": repacked(ordered=ORDERED.astype(complex)),
    "text": repacked(ordered=np.full(ORDERED.shape, "a")),
    "flags of numbers": repacked(stands_still=np.zeros(4)),
    "objects": raw(limits=header("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }")),
    "more rows than any memory holds": raw(
        ordered=header("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 1000000000000000), }")
    ),
    "fewer than no rows": raw(
        ordered=header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4), }")
    ),
    "a header that is code": raw(limits=header("__import__('os').system('true')")),
    "a header that ends early": raw(limits=b"\x93NUMPY\x01\x00\xff\xff{"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_drift_reference_is_refused(content):
    with pytest.raises(InvalidDriftReference, match="drift reference"):
        DriftReference.from_bytes(content)


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused_unread(monkeypatch):
    content = raw(ordered=b"\0" * 50_000_000)
    assert len(content) < 100_000
    monkeypatch.setattr(archives, "MOST_BYTES", 10_000_000)
    with pytest.raises(InvalidDriftReference, match=r"would unpack to 5[0-9]{7} bytes"):
        DriftReference.from_bytes(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_still_a_reference(data):
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        reference = DriftReference.from_bytes(bytes(content))
    except InvalidDriftReference:
        return
    assert len(reference.check(table(60), NAMES).verdicts) >= len(reference.columns)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_headers_inside_a_sound_archive_are_refused_or_still_a_reference(data):
    """The archive's own checksum would hide these from the test above."""
    name = data.draw(st.sampled_from(sorted(parts())))
    npy = io.BytesIO()
    np.save(npy, parts()[name], allow_pickle=False)
    content = bytearray(npy.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 128) - 1))] = data.draw(
            st.integers(0, 255)
        )
    with contextlib.suppress(InvalidDriftReference):
        DriftReference.from_bytes(raw(**{name: bytes(content)}))
