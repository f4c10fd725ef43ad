"""Open loop: requests go out at scheduled times, and latency counts from there.

One thread and ``select`` instead of an event loop: timers of asyncio and uvloop are good to a
millisecond, longer than what is to be measured; ``select`` is good to some 50 microseconds, and the
last of them are spun away. One request costs the client about 40 microseconds.
"""

import contextlib
import select
import selectors
import time
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.load.channel import Channel, check_fits
from bench.load.post import Post

SPIN_S = 1e-4
"""So long before a request is due the client stops sleeping: ``select`` wakes that much late."""
LEAD_S = 0.02
UNANSWERED = 0


@dataclass(frozen=True, eq=False)
class OpenLoop:
    """What became of each request, in the order of the schedule.

    Attributes:
        scheduled: when it was due, seconds from the start, shape (n,).
        latencies: seconds from when it was due to the end of its answer, shape (n,); of a request
            without an answer, until it was given up, a lower bound.
        statuses: of the answers, shape (n,); 0 where the connection broke or nobody answered.
    """

    scheduled: npt.NDArray[np.float64]
    latencies: npt.NDArray[np.float64]
    statuses: npt.NDArray[np.int64]

    @property
    def offered(self) -> float:
        """Scheduled requests a second."""
        return len(self.scheduled) / max(float(self.scheduled[-1]), 1e-9)

    @property
    def errors(self) -> int:
        """Requests that were not answered with 200."""
        return int(np.sum(self.statuses != 200))

    def quantile_s(self, q: float) -> float:
        """A quantile of the latencies of all requests, in seconds."""
        return float(np.quantile(self.latencies, q))

    def by_status(self) -> Counter[int]:
        """How many requests ended with each status."""
        return Counter(self.statuses.tolist())


def open_loop(
    post: Post,
    schedule: npt.NDArray[np.float64],
    connections: int = 64,
    patience_s: float = 10.0,
) -> OpenLoop:
    """Send at the scheduled times; where all connections are busy, as soon as one is free. Linux.

    Args:
        post: small enough for a socket's send buffer.
        schedule: seconds from the start, ascending, shape (n,).
        connections: kept alive, in turn; one request at a time on each.
        patience_s: seconds that answers may take after the last request was due.

    Raises:
        InvalidConfig: the request does not fit a socket's send buffer.
        OSError: the server does not accept connections.
    """
    check_fits(post)
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.EpollSelector())
        channels = []
        for _ in range(connections):
            channels.append(Channel(post, selector))
            stack.callback(channels[-1].close)
        return _Run(selector, channels, schedule, patience_s).result()


class _Run:
    def __init__(
        self,
        selector: selectors.EpollSelector,
        channels: list[Channel],
        schedule: npt.NDArray[np.float64],
        patience_s: float,
    ) -> None:
        self._schedule = schedule
        self._due = schedule.tolist()
        self._deadline = self._due[-1] + patience_s
        self._latencies = self._deadline - schedule
        self._statuses = np.full(len(schedule), UNANSWERED)
        self._selector, self._idle = selector, deque(channels)
        self._sent = self._ended = 0

    def result(self) -> OpenLoop:
        self._start = time.perf_counter() + LEAD_S
        while self._ended < len(self._due) and self._now() < self._deadline:
            self._send()
            self._receive()
        return OpenLoop(self._schedule, self._latencies, self._statuses)

    def _now(self) -> float:
        return time.perf_counter() - self._start

    def _send(self) -> None:
        while self._idle and self._sent < len(self._due) and self._due[self._sent] <= self._now():
            channel = self._idle.popleft()
            index, self._sent = self._sent, self._sent + 1
            if not channel.send(index):
                self._end(channel, UNANSWERED)

    def _receive(self) -> None:
        # epoll's own timer is good to a millisecond; waiting with select for epoll's file, to
        # microseconds.
        select.select((self._selector.fileno(),), (), (), self._wait())
        for key, _ in self._selector.select(0):
            status = key.data.receive()
            if status is not None:
                self._end(key.data, status)

    def _wait(self) -> float:
        until = self._deadline
        if self._idle and self._sent < len(self._due):
            until = self._due[self._sent] - SPIN_S
        return max(0.0, until - self._now())

    def _end(self, channel: Channel, status: int) -> None:
        self._latencies[channel.index] = self._now() - self._due[channel.index]
        self._statuses[channel.index] = status
        self._idle.append(channel)
        self._ended += 1
