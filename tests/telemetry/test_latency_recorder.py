"""LatencyRecorder against numpy on the same durations, and against strangers' bytes."""

import base64
import math
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidTelemetry
from ordinis_mlflow.telemetry.latency import LONGEST_S, RELATIVE_ERROR, LatencyRecorder

durations = st.lists(
    st.one_of(st.floats(0, LONGEST_S), st.floats(0, 1e-3), st.sampled_from([0.0, 256e-9, 1.0])),
    max_size=40,
)


def recorder(values):
    made = LatencyRecorder()
    for value in values:
        made.record(value)
    return made


def percentile(values, q):
    """numpy's at the middle of the step, so that its own rounding does not choose the rank."""
    steps = -(-round(q * 10) * len(values) // 1000)
    middle = max(steps - 0.5, 0) / len(values)
    return np.quantile(values, middle, method="inverted_cdf")


@given(durations.filter(bool), st.integers(0, 1000).map(lambda n: n / 10))
def test_percentiles_are_numpys(values, q):
    expected = percentile(values, q)
    assert recorder(values).percentile(q) == pytest.approx(
        expected, rel=RELATIVE_ERROR * 1.0001, abs=1e-9
    )


def test_many_latencies():
    values = np.random.default_rng(3).lognormal(math.log(1e-3), 1.0, 50_000)
    made = recorder(values.tolist())
    for q in (0, 1, 50, 95, 99, 99.9, 100):
        expected = percentile(values, q)
        assert made.percentile(q) == pytest.approx(expected, rel=RELATIVE_ERROR)
    assert made.count == 50_000
    assert made.throughput(20.0) == 2500.0
    assert len(made.to_bytes()) < 5_000


def test_the_error_that_is_stated_is_reached():
    """The widest bucket: from 128 · 2^k, 2^k wide."""
    value = 128 * 2**20 * 1e-9
    assert abs(recorder([value]).percentile(50) / value - 1) == pytest.approx(
        RELATIVE_ERROR, rel=1e-3
    )


@given(durations, durations, durations)
def test_merging_is_recording_together(first, second, third):
    a, b, c = recorder(first), recorder(second), recorder(third)
    together = recorder(first + second + third)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == c.merge(a).merge(b) == together
    assert a.merge(b) == b.merge(a)
    assert a.merge(LatencyRecorder()) == a == recorder(first)
    assert together.count == len(first) + len(second) + len(third)


@given(durations)
def test_bytes_and_back(values):
    made = recorder(values)
    back = LatencyRecorder.from_bytes(made.to_bytes())
    assert back == made
    assert back.count == made.count
    back.record(1.0)
    assert back == recorder([*values, 1.0])
    assert back.merge(made).count == 2 * len(values) + 1
    assert LatencyRecorder.from_bytes(back.to_bytes()) == back


def test_another_process_sends_its_own():
    source = (
        "import sys; from ordinis_mlflow.telemetry.latency import LatencyRecorder as R; r = R()\n"
        "for i in range(1, 101): r.record(i / 1000)\n"
        "sys.stdout.buffer.write(r.to_bytes())"
    )
    sent = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout
    merged = LatencyRecorder.from_bytes(sent).merge(recorder([i / 1000 for i in range(101, 201)]))
    assert merged == recorder([i / 1000 for i in range(1, 201)])
    assert merged.percentile(50) == pytest.approx(0.1, rel=RELATIVE_ERROR)


@pytest.mark.parametrize("seconds", [-1e-9, -1.0, 3600.001, math.inf, -math.inf, math.nan])
def test_durations_that_are_none(seconds):
    made = LatencyRecorder()
    with pytest.raises(InvalidTelemetry, match="a duration is 0 to 3600 s"):
        made.record(seconds)
    assert made.count == 0


@pytest.mark.parametrize("q", [-0.1, 100.1, math.nan])
def test_percentiles_that_are_none(q):
    with pytest.raises(InvalidTelemetry, match="0 to 100"):
        recorder([1.0]).percentile(q)


def test_nothing_has_no_percentile():
    with pytest.raises(InvalidTelemetry, match="nothing was recorded"):
        LatencyRecorder().percentile(50)


@pytest.mark.parametrize("interval", [0.0, -1.0, math.inf, math.nan])
def test_intervals_that_are_none(interval):
    with pytest.raises(InvalidTelemetry, match="an interval"):
        recorder([1.0]).throughput(interval)


def payload(data):
    return bytearray(zlib.decompress(base64.b64decode(data)[8:]))


def wrapped(content):
    packed = zlib.compress(bytes(content))
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed)


GOOD = recorder([0.001, 0.002, 0.5]).to_bytes()
HOSTILE = {
    "empty": b"",
    "no base64": b"\xff\xfe",
    "spaces": b" " + GOOD,
    "cut": GOOD[: len(GOOD) // 2 // 4 * 4],
    "longer": base64.b64encode(base64.b64decode(GOOD) + b"more"),
    "large": base64.b64encode(b"0" * 1_000_000),
    "bomb": wrapped(payload(GOOD) + bytes(50_000_000)),
    "no payload": wrapped(b""),
    "counts cut": wrapped(payload(GOOD)[:-1]),
    "more counts": wrapped(payload(GOOD) + b"\x02"),
    "another precision": HdrHistogram(1, 10**9, 3).encode(),
    "another range": HdrHistogram(1, 10**9, 2).encode(),
    "text": b"RABE",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_bytes_of_strangers(data):
    with pytest.raises(InvalidTelemetry, match="these bytes are no recorded latencies"):
        LatencyRecorder.from_bytes(data)


def with_counts(counts):
    """Our settings, with these bytes for counts."""
    content = payload(GOOD)[:40] + counts
    content[4:8] = len(counts).to_bytes(4, "big")
    return wrapped(content)


@given(st.binary(max_size=60))
def test_counts_of_strangers_are_read_right_or_refused(counts):
    try:
        made = LatencyRecorder.from_bytes(with_counts(counts))
    except InvalidTelemetry:
        return
    assert made.count == int(made._counts().sum())
    assert LatencyRecorder.from_bytes(made.to_bytes()) == made


@given(st.binary(min_size=40, max_size=40))
def test_headers_of_strangers(header):
    with pytest.raises(InvalidTelemetry):
        LatencyRecorder.from_bytes(wrapped(header + payload(GOOD)[40:]))
