"""Client: one connection that asks at its own pace, now and then badly, and checks every answer."""

import http.client
import threading

import numpy as np

from bench.load.post import JSON, LOOPBACK
from bench.soaking.expected import Expected
from bench.soaking.malformed import malformed, refusal_problem
from bench.soaking.tally import Counts

MODEL_HEADER = "X-Ordinis-Model"
TIMEOUT_S = 60.0
BROKEN = 0
FAULTS = (OSError, http.client.HTTPException)


class Client(threading.Thread):
    """Asks until it is told to stop.

    Args:
        port: of the server, on the loopback interface.
        expected: what to ask, and the answers.
        rate: requests a second; after a stall it does not catch up.
        share: of malformed requests, 0 to 1.
        seed: of what is asked in which order.
        stop: set when it is enough.

    Attributes:
        counts: read them when the thread has ended.
    """

    def __init__(
        self,
        port: int,
        expected: Expected,
        rate: float,
        share: float,
        seed: int,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=f"client {seed}")
        self._port, self._expected, self._rate, self._share = port, expected, rate, share
        self._random, self._stop_asking = np.random.default_rng(seed), stop
        self._bad = malformed(expected.bodies[0])
        self._connection = self._connect()
        self.counts = Counts()

    def run(self) -> None:
        """Ask at exponential intervals."""
        while not self._stop_asking.wait(self._random.exponential(1 / self._rate)):
            if self._random.random() < self._share:
                self._ask_badly()
            else:
                self._ask()
        self._connection.close()

    def _ask(self) -> None:
        request = int(self._random.integers(len(self._expected.bodies)))
        try:
            body = self._expected.bodies[request]
            self._connection.request("POST", "/invocations", body, {"Content-Type": JSON})
            answer = self._connection.getresponse()
            content = answer.read()
        except FAULTS as error:
            self.counts.answered[BROKEN] += 1
            self.counts.note(f"a valid request got no answer: {error!r}")
            self._connection.close()  # http.client connects again by itself
            return
        self.counts.answered[answer.status] += 1
        self._check(request, answer, content)

    def _check(self, request: int, answer: http.client.HTTPResponse, content: bytes) -> None:
        if answer.status == 503:
            return
        if answer.status != 200:
            self.counts.note(f"a valid request was answered {answer.status}: {content[:300]!r}")
            return
        label = answer.getheader(MODEL_HEADER, "")
        self.counts.models[label] += 1
        self.counts.note(self._expected.problem(request, label, content))

    def _ask_badly(self) -> None:
        bad = self._bad[self._random.integers(len(self._bad))]
        connection = self._connect()
        try:
            connection.putrequest("POST", "/invocations")
            connection.putheader("Content-Type", bad.content_type)
            connection.putheader("Content-Length", str(bad.length))
            connection.endheaders(bad.body)
            if bad.waits:
                answer = connection.getresponse()
                content = answer.read()
                self.counts.refused[bad.kind, answer.status] += 1
                kind = answer.getheader("Content-Type", "")
                problem = refusal_problem(answer.status, kind, content)
                self.counts.note(problem and f"{bad.kind}: {problem}")
            else:
                self.counts.refused[bad.kind, BROKEN] += 1
        except FAULTS as error:
            self.counts.refused[bad.kind, BROKEN] += 1
            self.counts.note(f"{bad.kind}: no answer: {error!r}")
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(LOOPBACK, self._port, timeout=TIMEOUT_S)
