"""Shadow: the challenger is asked what the champion has answered, off the request path.

Nobody waits for it. It looks a hundred times a second at what has come meanwhile, which costs a
request no more than an entry in a queue, where waking a thread would cost it several microseconds;
and requests that came between two looks share a run of the challenger.
"""

import asyncio
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ordinis_mlflow.flavor.model import check_finite
from ordinis_mlflow.serving.arms import Arms, Asked, Part, Scored, Served
from ordinis_mlflow.serving.service import Watcher
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics

_logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.01
JOINED_WINDOWS = 16
"""Most of a run, so that the interpreter is held for some tenths of a millisecond between two."""
BREATH_SECONDS = 0.0005
"""Between two runs the interpreter is left to the event loop."""
DRAIN_SECONDS = 2.0
"""That what waits in the end may take; the rest is dropped."""
NICE = 10
"""Of its thread: where processors are short, requests come first."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An answer of the champion, and who is to be asked the same."""

    challenger: Served
    scored: Scored

    def __len__(self) -> int:
        return len(self.scored.signal)

    def asked(self) -> Asked:
        """What the challenger reads of what was asked."""
        return self.scored.parts[0].asked.of(None, self.challenger.model.contract.lookback)


class Shadow:
    """A watcher of the champion's answers, and the component that asks the challenger.

    It never delays or fails a request: what it has no time for is dropped, and counted.

    Args:
        metrics: are told what both said, and what was dropped.
        watchers: are told what the challenger said, under the id of the request; on another thread
            than the event loop's.
        most_windows: that may wait.
    """

    def __init__(
        self, metrics: ServingMetrics, watchers: tuple[Watcher, ...], most_windows: int
    ) -> None:
        self._metrics, self._watchers, self._most = metrics, watchers, most_windows
        self._challenger: Served | None = None
        self._queue = deque[Waiting]()
        # Each is written by one thread alone, so that no lock is needed.
        self._came = self._gone = 0
        self._failed = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    def replace(self, arms: Arms) -> None:
        """Ask this challenger from the next request on."""
        self._challenger = arms.challenger

    def __call__(self, scored: Scored) -> None:
        """Let an answer of the champion wait for its turn; under a microsecond."""
        windows = len(scored.signal)
        if self._challenger is None:
            self._metrics.shadow_dropped(windows, "absent")
        elif self._came - self._gone + windows > self._most:
            self._metrics.shadow_dropped(windows, "behind")
        else:
            self._came += windows
            self._queue.append(Waiting(self._challenger, scored))

    async def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    async def stop(self) -> None:
        """Ask about what waits, for a moment; count the rest."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        if sys.platform == "linux":  # elsewhere this is the niceness of the process
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while not self._stopping.wait(LOOK_SECONDS):
            self._ask_all(float("inf"))
        self._ask_all(time.monotonic() + DRAIN_SECONDS)
        while self._queue:
            self._drop([self._queue.popleft()], "stopped")

    def _ask_all(self, until: float) -> None:
        while self._queue and time.monotonic() < until:
            try:
                self._ask(self._take())
            except Exception:  # no watcher may end the thread that asks about the next answer
                _logger.exception("what a challenger said in its shadow could not be told")
            time.sleep(BREATH_SECONDS)

    def _take(self) -> list[Waiting]:
        """The next, and those behind it that may share its run."""
        taken = [self._queue.popleft()]
        windows = len(taken[0])
        while self._queue:
            after = self._queue[0]
            windows += len(after)
            if windows > JOINED_WINDOWS or after.challenger is not taken[0].challenger:
                break
            taken.append(self._queue.popleft())
        return taken

    def _ask(self, waiting: Sequence[Waiting]) -> None:
        """Ask about all at once; where that fails, one by one."""
        challenger, asked = waiting[0].challenger, [each.asked() for each in waiting]
        try:
            signal = _signal(challenger, asked)
            check_finite(signal)
        except Exception as error:  # nor may a challenger
            if len(waiting) > 1:
                for each in waiting:
                    self._ask([each])
            else:
                self._say(challenger.label, error)
                self._drop(waiting, "failed")
            return
        self._gone += len(signal)
        self._compare(waiting, signal)
        first = 0
        for each, what in zip(waiting, asked, strict=True):
            own = signal.rows(first, first + len(each))
            self._tell(Scored(each.scored.id, own, (Part(challenger, None, what, own),)))
            first += len(each)

    def _compare(self, waiting: Sequence[Waiting], signal: Signal) -> None:
        champion = Signal.concatenate([each.scored.signal for each in waiting])
        self._metrics.compared(champion, signal)
        self._metrics.signalled(signal, waiting[0].challenger.arm)

    def _tell(self, scored: Scored) -> None:
        for watcher in self._watchers:
            watcher(scored)

    def _drop(self, waiting: Sequence[Waiting], kind: str) -> None:
        windows = sum(map(len, waiting))
        self._gone += windows
        self._metrics.shadow_dropped(windows, kind)

    def _say(self, label: str, error: Exception) -> None:
        """Once a version: the metric counts them all."""
        if self._failed != label:
            self._failed = label
            _logger.error("challenger %s cannot answer in its shadow: %r", label, error)


def _signal(challenger: Served, asked: Sequence[Asked]) -> Signal:
    """Of all windows, in runs of a few on this thread alone: others have the other processors."""
    windows = asked[0].windows if len(asked) == 1 else np.concatenate([a.windows for a in asked])
    parts = [
        challenger.model.run(windows[first : first + JOINED_WINDOWS], whole=True)
        for first in range(0, len(windows), JOINED_WINDOWS)
    ]
    return parts[0] if len(parts) == 1 else Signal.concatenate(parts)
