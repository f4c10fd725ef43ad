"""The soak finds what is wrong with a server, and nothing with one that is right."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bench.load.post import LOOPBACK
from bench.soak import SoakSettings, group_bytes, soak
from bench.soaking.expected import Expected
from bench.soaking.malformed import malformed, refusal_problem
from bench.soaking.tally import Counts, Sample, Soak
from ordinis_mlflow.errors import InvalidConfig, ServingError
from ordinis_mlflow.signal import Signal

LABELS = ("m/1", "m/2")
MOST_BYTES = 1 << 20


def make_expected():
    """Requests of one and two windows, and made-up answers of two versions."""
    random = np.random.default_rng(0)
    bodies = [json.dumps({"inputs": {"bars": random.random((n, 4, 5)).tolist()}}) for n in (1, 2)]
    answers = {each: tuple(random.random((n, 5)) for n in (1, 2)) for each in LABELS}
    return Expected(tuple(body.encode() for body in bodies), answers)


class Right(BaseHTTPRequestHandler):
    """What a server should do; the tests change one thing each."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        if int(self.headers["Content-Length"]) > MOST_BYTES:
            self.close_connection = True
            return self.refuse(413)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/json":
            return self.refuse(415)
        if body not in self.server.expected.bodies:
            return self.refuse(400)
        self.answer(self.server.expected.bodies.index(body))

    def answer(self, request):
        label = LABELS[self.server.alias]
        self.send(200, self.predictions(label, request), label)

    def predictions(self, label, request):
        rows = self.server.expected.answers[label][request]
        records = [dict(zip(Signal.names(), row, strict=True)) for row in rows.tolist()]
        return {"predictions": records}

    def refuse(self, status):
        self.send(status, {"error_code": "X", "message": "one line"})

    def send(self, status, document, label=None):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if label:
            self.send_header("X-Ordinis-Model", label)
        self.end_headers()
        self.wfile.write(content)


class MixesVersions(Right):
    def predictions(self, label, request):
        one, other = (super(MixesVersions, self).predictions(each, request) for each in LABELS)
        return {"predictions": [*one["predictions"][:1], *other["predictions"][1:]]}


class MixesRequests(Right):
    def predictions(self, label, request):
        return super().predictions(label, 0)


class UnknownVersion(Right):
    def send(self, status, document, label=None):
        super().send(status, document, label and "m/3")


class Fails(Right):
    def answer(self, request):
        self.send(500, {"message": "sorry"})


class HangsUp(Right):
    def answer(self, request):
        self.close_connection = True


class Lenient(Right):
    def refuse(self, status):
        self.answer(0)


class LeaksTraces(Right):
    def refuse(self, status):
        self.send(status, {"message": "bad", "stack_trace": "Traceback (most recent call last)"})


class Talkative(Right):
    def refuse(self, status):
        self.send(status, {"message": "bad\nvery bad"})


class Full(Right):
    def answer(self, request):
        if self.server.alias:
            return self.send(503, {"message": "full"})
        super().answer(request)


@pytest.fixture
def soaked():
    """A function: handler to the result of a short soak, in which the alias moves."""

    def run(handler, seconds=0.6):
        with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
            server.daemon_threads = True
            server.expected, server.alias = make_expected(), 0
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
            settings = SoakSettings(server.server_port, seconds, 2, 200.0, 0.3, hook_s=0.2)
            try:
                return soak(settings, server.expected, lambda n: setattr(server, "alias", n % 2))
            finally:
                server.shutdown()

    return run


def test_nothing_is_wrong_with_a_server_that_is_right(soaked):
    found = soaked(Right, seconds=1.2)
    found.check()
    assert set(found.counts.answered) == {200}
    assert set(found.counts.models) == set(LABELS)
    kinds = dict(found.counts.refused.keys())
    assert kinds == {
        "not JSON": 400,
        "cut JSON": 400,
        "NaN": 400,
        "wrong shape": 400,
        "wrong type": 415,
        "too large": 413,
        "left half-way": 0,
    }
    bad = sum(found.counts.refused.values())
    assert 0.15 < bad / (bad + found.counts.answered.total()) < 0.45


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (MixesVersions, "answered request 1 with"),
        (MixesRequests, "answered request 1 with"),
        (UnknownVersion, "answered by 'm/3'"),
        (Fails, "was answered 500"),
        (HangsUp, "got no answer"),
        (Lenient, "answered 200"),
        (LeaksTraces, "stack_trace"),
        (Talkative, "more than one line"),
    ],
)
def test_what_is_wrong_is_found(soaked, handler, said):
    found = soaked(handler)
    assert found.counts.problems
    assert any(said in each for each in found.counts.shown)
    with pytest.raises(ServingError):
        found.check()


def test_a_full_server_may_say_so(soaked):
    found = soaked(Full)
    found.check()
    assert set(found.counts.answered) == {200, 503}


def test_a_soak_without_an_answer_is_no_proof():
    with pytest.raises(ServingError, match="no request"):
        Soak.of([Counts()], []).check()


def test_the_slope_of_memory_leaves_out_the_start():
    flat = [Sample(each, 1000 * 2**20 if each > 20 else each * 2**20) for each in range(0, 200, 5)]
    growing = [Sample(each, (50 + each // 36) * 2**20) for each in range(0, 3600, 36)]
    assert Soak.of([], flat).mebibytes_an_hour == pytest.approx(0, abs=1e-6)
    assert Soak.of([], growing).mebibytes_an_hour == pytest.approx(100, rel=1e-3)


def test_memory_of_the_group_is_seen():
    import os

    assert group_bytes(os.getpid()) > 10 * 2**20


def test_each_malformed_request_is_wrong_in_its_own_way():
    valid = make_expected().bodies[1]
    found = malformed(valid)
    assert len({each.kind for each in found}) == len(found)
    assert not any(
        (each.body, each.content_type, each.length) == (valid, "application/json", len(valid))
        for each in found
    )
    assert [each.kind for each in found if not each.waits] == ["left half-way"]


@pytest.mark.parametrize(
    "answer",
    [
        (200, "application/json", b'{"message": "x"}'),
        (500, "application/json", b'{"message": "x"}'),
        (400, "text/plain", b'{"message": "x"}'),
        (400, "application/json", b"no JSON"),
        (400, "application/json", b"{}"),
        (400, "application/json", b'["x"]'),
    ],
)
def test_refusals_that_will_not_do(answer):
    assert refusal_problem(*answer)


def test_versions_and_windows_that_cannot_be_told_apart_are_refused(small_model, small_windows):
    expected = Expected.of({"m/1": small_model}, small_windows[:7])
    assert [len(each) for each in expected.answers["m/1"]] == [1, 1, 1, 2, 2]
    sent = [json.loads(body)["inputs"]["bars"] for body in expected.bodies]
    assert np.array_equal(np.concatenate(sent), small_windows[:7])
    with pytest.raises(InvalidConfig, match="answers 0 and 7"):
        Expected.of({"m/1": small_model, "m/2": small_model}, small_windows[:7])
    with pytest.raises(InvalidConfig, match="answers 1 and 2"):
        Expected.of({"m/1": small_model}, small_windows[[0, 3, 3]])
