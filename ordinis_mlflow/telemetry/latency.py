"""LatencyRecorder: percentiles of durations in bounded memory, mergeable without loss."""

import base64
import binascii
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from ordinis_mlflow.errors import InvalidTelemetry

NANOSECONDS = 1_000_000_000
LONGEST_S = 3600
DIGITS = 2
RELATIVE_ERROR = 1 / 256
"""Of a percentile: half of a bucket, and a bucket is at most 1/128 as wide as where it begins."""
_ENVELOPE, _HEADER = 8, 40
"""Bytes of the two headers of the HdrHistogram V2 format."""
_MOST_COUNT = 2**53
_DAMAGES = (
    zlib.error, binascii.Error, ValueError, IndexError, OverflowError,
    HdrCookieException, HdrLengthException, HdrHistogramSettingsException,
)  # fmt: skip


class LatencyRecorder:
    """Durations up to an hour, counted in 4608 buckets (37 kB) however many they are.

    The buckets are those of an HDR histogram (G. Tene, hdrhistogram.org) of nanoseconds at two
    significant digits: exact below 256 ns, above it within 1/256. Counts are whole numbers, so that
    merging is exact, associative and commutative. A recorder is for one thread; merge several.
    """

    def __init__(self) -> None:
        self._histogram = _fresh()

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        count: int = self._histogram.total_count
        return count

    def record(self, seconds: float) -> None:
        """Count one duration.

        Raises:
            InvalidTelemetry: it is not within 0 to 3600 s: it is never dropped or cut silently.
        """
        if not 0.0 <= seconds <= LONGEST_S:
            raise InvalidTelemetry(f"a duration is 0 to {LONGEST_S} s, got {seconds}")
        self._histogram.record_value(round(seconds * NANOSECONDS))

    def percentile(self, q: float) -> float:
        """The duration of rank ⌈q · count / 100⌉, in seconds, within 1/256 (or 1 ns) of it.

        As ``numpy.percentile(durations, q, method="inverted_cdf")``.

        Args:
            q: 0 to 100.

        Raises:
            InvalidTelemetry: nothing was recorded, or q is outside its range.
        """
        if not 0.0 <= q <= 100.0:
            raise InvalidTelemetry(f"a percentile is 0 to 100, got {q}")
        if not self.count:
            raise InvalidTelemetry("there are no percentiles: nothing was recorded")
        # Rounded first: 99.9 % of 1000 is 999, in floats a little more.
        rank = max(math.ceil(round(q * self.count / 100, 6)), 1)
        place = int(np.searchsorted(np.cumsum(self._counts()), rank))
        low = self._histogram.get_value_from_index(place)
        middle: float = (low + self._histogram.get_highest_equivalent_value(low)) / 2
        return middle / NANOSECONDS

    def throughput(self, interval_s: float) -> float:
        """Recorded durations per second of an interval of this many seconds.

        Raises:
            InvalidTelemetry: the interval is not positive and finite.
        """
        if not 0.0 < interval_s < math.inf:
            raise InvalidTelemetry(f"an interval is more than 0 s and finite, got {interval_s}")
        return self.count / interval_s

    def merge(self, other: "LatencyRecorder") -> "LatencyRecorder":
        """A recorder of the durations of both; they stay as they are."""
        merged = LatencyRecorder()
        merged._histogram.add(self._histogram)
        merged._histogram.add(other._histogram)
        return merged

    def to_bytes(self) -> bytes:
        """The HdrHistogram V2 encoding, base64, that its libraries of any language read."""
        encoded: bytes = self._histogram.encode()
        return encoded

    @classmethod
    def from_bytes(cls, data: bytes) -> "LatencyRecorder":
        """What :meth:`to_bytes` gave, perhaps in another process, checked as if a stranger had.

        Raises:
            InvalidTelemetry: it is anything else.
        """
        try:
            _check(data)
            recorder = cls()
            recorder._histogram = HdrHistogram.decode(data)
        except _DAMAGES as error:
            raise InvalidTelemetry(f"these bytes are no recorded latencies: {error}") from error
        if max(int(recorder._counts().max()), recorder.count) > _MOST_COUNT:
            raise InvalidTelemetry("these bytes are no recorded latencies: a count is out of range")
        return recorder

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LatencyRecorder):
            return NotImplemented
        return np.array_equal(self._counts(), other._counts())

    __hash__ = None  # type: ignore[assignment]

    def _counts(self) -> npt.NDArray[np.uint64]:
        """The library's own counters, shape (4608,), not copied."""
        return np.frombuffer(self._histogram.counts, dtype=np.uint64)


def _fresh() -> Any:
    return HdrHistogram(1, LONGEST_S * NANOSECONDS, DIGITS)


def _check(data: bytes) -> None:
    """Refuse what is not of our settings before memory is taken for what it claims to be."""
    empty = _fresh()
    most = _HEADER + empty.counts_len * 9  # bytes of a counter at most
    payload = _payload(data, most)
    expected = _payload(empty.encode(), most)
    stated = int.from_bytes(payload[4:8], "big")
    if payload[:4] + payload[8:_HEADER] != expected[:4] + expected[8:_HEADER]:
        raise ValueError("they are of another histogram")
    if stated != len(payload) - _HEADER:
        raise ValueError(f"they state {stated} bytes of counts, and have {len(payload) - _HEADER}")


def _payload(data: bytes, most: int) -> bytes:
    if len(data) > 2 * most:
        raise ValueError(f"more than {2 * most} bytes")
    reader = zlib.decompressobj()
    payload = reader.decompress(base64.b64decode(data, validate=True)[_ENVELOPE:], most + 1)
    if not reader.eof or reader.unused_data or not _HEADER <= len(payload) <= most:
        raise ValueError("cut, or of another size")
    return payload
