"""ServingApp: one door in, one door out; limits, refusals, ids, and what runs beside it."""

import asyncio
import json
import re
from typing import Any

import pytest

from ordinis_mlflow.errors import (
    DeadlinePassed,
    InvalidBars,
    InvalidWindows,
    OrdinisError,
    PackageError,
    QueueFull,
    RequestRefused,
)
from ordinis_mlflow.serving.app import Route, ServingApp
from ordinis_mlflow.serving.http import Answer
from ordinis_mlflow.serving.refusals import MOST_CHARACTERS, one_line, refusal, status_and_kind
from ordinis_mlflow.serving.settings import Limits
from ordinis_mlflow.serving.strict_json import decode, decoder
from ordinis_mlflow.telemetry import ServingMetrics


class Paths:
    def __init__(self, **routes):
        self.routes = routes

    def find(self, path):
        return self.routes.get(path.strip("/"))


class Keys:
    """Lets pass who says ``please``."""

    def check(self, request):
        if b"please" not in request.headers:
            raise RequestRefused(401, "no_key", "say please")


async def echo(request):
    return Answer(request.body or b"nothing", headers=((b"x-own", b"1"),))


async def broken(request):
    raise ZeroDivisionError("the secret of /srv/model.py")


async def late(request):
    raise DeadlinePassed("too late")


def app(limits=None, components=()):
    routes = {
        "echo": Route("echo", {"POST": echo, "GET": echo, "HEAD": echo}, open=True),
        "kept": Route("kept", {"GET": echo}),
        "broken": Route("broken", {"GET": broken}, open=True),
        "broken2": Route("broken", {"GET": broken}, protocol="v2", open=True),
        "late": Route("late", {"GET": late}, open=True),
    }
    return ServingApp(Paths(**routes), Keys(), limits or Limits(), ServingMetrics(), components)


class Told:
    """What an application has sent."""

    def __init__(self, messages):
        (start,) = (m for m in messages if m["type"] == "http.response.start")
        self.status, self.headers = start["status"], dict(start["headers"])
        self.body = b"".join(m.get("body", b"") for m in messages if "body" in m)

    @property
    def json(self):
        return json.loads(self.body)


def ask(application, method="GET", path="/echo", parts=(b"",), headers=(), pause=0.0):
    """One request, its body in parts; a part of None is a client that goes away."""
    sent, left = [], list(parts)

    async def receive():
        await asyncio.sleep(pause)
        part = left.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(application(scope, receive, send))
    return Told(sent)


def test_parts_of_a_body_are_joined():
    told = ask(app(), "POST", parts=[b"one ", b"", b"two"])
    assert (told.status, told.body) == (200, b"one two")
    assert told.headers[b"content-length"] == b"7"
    assert told.headers[b"x-own"] == b"1"
    assert b"connection" not in told.headers


def test_a_body_that_is_said_to_be_too_large_is_not_read():
    told = ask(app(Limits(body_bytes=10)), "POST", headers=[(b"content-length", b"11")], parts=[])
    assert told.status == 413
    assert told.json["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert told.headers[b"connection"] == b"close"


def test_a_body_that_turns_out_too_large_is_read_no_further():
    limits = Limits(body_bytes=10)
    assert ask(app(limits), "POST", parts=[b"12345", b"67890"]).status == 200
    told = ask(app(limits), "POST", parts=[b"12345", b"678901", b"is never read"])
    assert (told.status, told.headers[b"connection"]) == (413, b"close")


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"", b"\xb2", b"9" * 5000])
def test_a_length_that_is_no_number_says_nothing(length):
    told = ask(
        app(Limits(body_bytes=10)), "POST", parts=[b"1"], headers=[(b"content-length", length)]
    )
    assert told.status == (413 if length.isdigit() else 200)


def test_a_body_that_does_not_arrive_in_time():
    told = ask(app(Limits(read_seconds=0.05)), "POST", parts=[b"1"] * 99, pause=0.01)
    assert (told.status, told.json["error_code"]) == (408, "DEADLINE_EXCEEDED")
    assert told.headers[b"connection"] == b"close"


def test_a_client_that_goes_away():
    assert ask(app(), "POST", parts=[b"1", None]).status == 400


def test_a_path_that_leads_nowhere():
    told = ask(app(), path="/nowhere\n<b>" + "x" * 5000)
    assert (told.status, told.json["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert len(told.body) < 700
    assert b"\\n" not in told.body


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE", "get"])
def test_a_method_that_a_path_does_not_take(method):
    told = ask(app(), method)
    assert (told.status, told.headers[b"allow"]) == (405, b"GET, HEAD, POST")


def test_head_is_get_without_the_body():
    head, get = ask(app(), "HEAD"), ask(app(), "GET")
    assert (head.status, head.body, get.body) == (200, b"", b"nothing")
    assert head.headers[b"content-length"] == get.headers[b"content-length"] == b"7"


def test_a_key_is_asked_for_before_the_body_is_read():
    told = ask(app(), path="/kept", parts=[])
    assert (told.status, told.json["message"]) == (401, "say please")
    assert told.headers[b"connection"] == b"close"
    assert ask(app(), path="/kept", headers=[(b"please", b"")]).status == 200


def test_an_id_comes_back_on_every_answer():
    sent = [(b"x-request-id", b"order-7")]
    for path in ("/echo", "/broken", "/nowhere", "/kept"):
        assert ask(app(), path=path, headers=sent).headers[b"x-request-id"] == b"order-7"


@pytest.mark.parametrize(
    "bad", [b"", b"two words", b"x" * 129, b"caf\xe9", b"\x1b[31m", b"a\r\nx: y"]
)
def test_an_id_that_must_not_be_written_anywhere_is_replaced(bad):
    own = {ask(app(), headers=[(b"x-request-id", bad)]).headers[b"x-request-id"] for _ in range(3)}
    assert len(own) == 3
    assert all(re.fullmatch(rb"[0-9a-f]{12}-\d+", each) for each in own)


def test_an_error_of_ours_is_hidden_and_logged(caplog):
    told = ask(app(), path="/broken", headers=[(b"x-request-id", b"order-7")])
    assert told.status == 500
    assert told.json == {"error_code": "INTERNAL_ERROR", "message": "an internal error"}
    assert "order-7" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_the_other_protocols_form_of_an_error(caplog):
    assert ask(app(), path="/broken2").json == {"error": "an internal error"}


def test_a_web_socket_is_closed():
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app()({"type": "websocket"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1003}]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RequestRefused(418, "teapot", "short"), 418, "teapot"),
        (InvalidWindows("w"), 400, "invalid_windows"),
        (InvalidBars("b"), 400, "invalid_bars"),
        (QueueFull("q"), 503, "queue_full"),
        (DeadlinePassed("d"), 504, "deadline"),
        (PackageError("p"), 503, "unavailable"),
        (OrdinisError("o"), 503, "unavailable"),
        (ValueError("v"), 500, "internal"),
    ],
)
def test_statuses_of_errors(error, status, kind):
    assert status_and_kind(error) == (status, kind)
    answer = refusal(error)
    assert answer.status == status
    assert ((b"retry-after", b"1") in answer.headers) == (status == 503)
    assert (str(error) == json.loads(answer.body)["message"]) == (status != 500)


@pytest.mark.parametrize("text", ["a\nb", "a\r\n\tb", "a\x00b", "a\u2028b", "a\x1b b", " a  b "])
def test_messages_are_one_line(text):
    assert re.fullmatch(r"a (\[31m )?b", one_line(text))


def test_messages_are_short():
    assert len(one_line("x" * 10**6)) == MOST_CHARACTERS
    assert one_line("x" * MOST_CHARACTERS) == "x" * MOST_CHARACTERS


class Part:
    """Says when it starts and stops; may fail at either."""

    def __init__(self, name, log, fails=""):
        self.name, self.log, self.fails = name, log, fails

    async def start(self):
        self.log.append(f"start {self.name}")
        if self.fails == "start":
            raise RuntimeError("no start")

    async def stop(self):
        self.log.append(f"stop {self.name}")
        if self.fails == "stop":
            raise RuntimeError("no stop")


def live(*fails):
    log, sent = [], []
    parts = [Part(name, log, each) for name, each in zip("abc", fails, strict=True)]

    async def receive():
        return {"type": "lifespan"}

    async def send(message):
        sent.append(message["type"].removeprefix("lifespan."))

    asyncio.run(app(components=parts)({"type": "lifespan"}, receive, send))
    return log, sent


def test_parts_start_in_order_and_stop_in_reverse():
    assert live("", "", "") == (
        ["start a", "start b", "start c", "stop c", "stop b", "stop a"],
        ["startup.complete", "shutdown.complete"],
    )


def test_where_one_does_not_start_nothing_is_served():
    assert live("", "start", "") == (["start a", "start b", "stop a"], ["startup.failed"])


def test_one_that_does_not_stop_keeps_no_other_from_it(caplog):
    log, sent = live("", "", "stop")
    assert log[-3:] == ["stop c", "stop b", "stop a"]
    assert sent == ["startup.complete", "shutdown.complete"]
    assert "Part did not stop" in caplog.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "invalid_json"),
        (b"NaN", "invalid_json"),
        (b'"\xff"', "invalid_json"),
        (b"", "invalid_json"),
        (b"[" * 10**5, "invalid_json"),
        (b'["1"]', "invalid_type"),
        (b"[true]", "invalid_type"),
        (b"[1e999]", "invalid_type"),
        (b"{}", "invalid_type"),
    ],
)
def test_strict_json_refuses(body, kind):
    wanted = decoder(Any if kind == "invalid_json" else list[float])
    with pytest.raises(RequestRefused) as refused:
        decode(body, wanted)
    assert (refused.value.status, refused.value.kind) == (400, kind)


def test_strict_json_reads_whole_numbers_as_floats():
    assert decode(b"[1, -0.0, 1e-400]", decoder(list[float])) == [1.0, -0.0, 0.0]
