"""Hints: only whoever knows the secret wakes the followers, once a delivery, and for its alias."""

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.reactions import signed
from ordinis_mlflow.serving.app import ServingApp
from ordinis_mlflow.serving.bell import Bell
from ordinis_mlflow.serving.hints import BODY_BYTES, PATH, REMEMBERED, VARIABLE, Hints, hint_routes
from ordinis_mlflow.serving.http import Request
from ordinis_mlflow.serving.routes import Routes
from ordinis_mlflow.serving.settings import Limits
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.telemetry import ServingMetrics

SECRET = "shared with the registry alone"
HINT = {"workspace": "", "model": "sp500", "version": "3", "alias": "champion", "number": 7}
CHAMPION = Source("champion", "models:/sp500@champion")


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def hints(bell):
    return Hints(SECRET, [("sp500", "champion")], bell)


def asked(hint=HINT, key="reload:1", secret=SECRET, at=None, **headers):
    """A request as the registry sends it; ``headers`` replace those of the signature."""
    body = hint if isinstance(hint, bytes) else json.dumps(hint).encode()
    sent = signed(secret, key, int(time.time()) if at is None else at, body)
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    named = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
    request = Request({"method": "POST", "path": PATH, "headers": named}, 30.0)
    request.body = body
    return request


def answer(hints, request):
    return asyncio.run(hints(request))


def refusal(hints, request):
    with pytest.raises(RequestRefused) as caught:
        answer(hints, request)
    return caught.value.status, caught.value.kind


def test_the_registrys_hint_wakes_the_followers(hints, bell):
    before = bell.rung()
    given = answer(hints, asked())
    assert (given.status, given.body) == (202, b'{"followed":true}')
    assert bell.rung() != before


def test_a_delivery_wakes_once_whenever_it_is_repeated(hints, bell):
    answer(hints, asked())
    rung = bell.rung()
    assert answer(hints, asked(at=int(time.time()) + 5)).body == b'{"followed":false}'
    assert bell.rung() == rung
    assert answer(hints, asked(key="reload:2")).body == b'{"followed":true}'
    assert bell.rung() != rung


def test_what_it_remembers_is_bounded(hints):
    for number in range(REMEMBERED + 10):
        answer(hints, asked(key=f"reload:{number}"))
    assert len(hints._had) == REMEMBERED
    assert answer(hints, asked(key=f"reload:{REMEMBERED}")).body == b'{"followed":false}'


@pytest.mark.parametrize("other", [{"model": "vol"}, {"alias": "challenger"}])
def test_what_is_told_of_others_is_accepted_and_forgotten(hints, bell, other):
    before = bell.rung()
    given = answer(hints, asked(HINT | other))
    assert (given.status, given.body) == (202, b'{"followed":false}')
    assert bell.rung() == before


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: asked(secret="another"),
        lambda: asked(Ordinis_Signature=""),
        lambda: asked(Ordinis_Signature="v1="),
        lambda: asked(Ordinis_Signature="v1=é"),
        lambda: asked(Ordinis_Delivery="reload:2"),
        lambda: asked(Ordinis_Delivery=""),
        lambda: asked(Ordinis_Delivery="x" * 201),
        lambda: asked(Ordinis_Timestamp=str(int(time.time()) + 1)),
        lambda: asked(Ordinis_Timestamp="now"),
        lambda: asked(Ordinis_Timestamp="9" * 5000),
        lambda: asked(at=int(time.time()) - 301),
        lambda: asked(at=int(time.time()) + 310),
    ],
)
def test_who_does_not_know_the_secret_or_is_late_is_refused(hints, bell, request_of):
    before = bell.rung()
    assert refusal(hints, request_of()) == (403, "signature")
    assert bell.rung() == before


def test_another_body_under_a_good_signature_is_refused(hints):
    request = asked()
    request.body = request.body.replace(b'"3"', b'"4"')
    assert refusal(hints, request) == (403, "signature")


@pytest.mark.parametrize(
    "hint",
    [
        b"",
        b"[]",
        b"{}",
        b'{"model": NaN}',
        HINT | {"more": 1},
        HINT | {"number": "7"},
        HINT | {"model": None},
        HINT | {"model": "x" * 1001},
    ],
)
def test_a_signed_body_that_is_no_hint_is_refused(hints, hint):
    assert refusal(hints, asked(hint))[0] == 400


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_nothing_that_comes_is_more_than_refused(body, headers):
    named = [(k.encode("utf8", "replace"), v.encode("utf8", "replace")) for k, v in headers.items()]
    request = Request({"method": "POST", "path": PATH, "headers": named}, 30.0)
    request.body = body
    assert refusal(Hints(SECRET, [("sp500", "champion")], Bell()), request) == (403, "signature")


class TestRoute:
    """Is there for those who know the secret, and small."""

    def test_none_without_a_secret(self, monkeypatch, bell):
        monkeypatch.delenv(VARIABLE, raising=False)
        assert hint_routes([CHAMPION], bell) == {}

    def test_none_where_no_alias_is_followed(self, monkeypatch, bell):
        monkeypatch.setenv(VARIABLE, SECRET)
        assert hint_routes([Source("champion", "models:/sp500/3")], bell) == {}

    def test_needs_no_api_key_and_takes_no_large_body(self, monkeypatch, bell):
        monkeypatch.setenv(VARIABLE, SECRET)
        found = Routes(hint_routes([CHAMPION], bell)).find(PATH)
        assert found.open
        assert self.status(Routes({PATH: found}), b"x" * (BODY_BYTES + 1)) == 413
        assert self.status(Routes({PATH: found}), b"x" * BODY_BYTES) == 403

    @staticmethod
    def status(routes, body):
        sent = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        app = ServingApp(routes, None, Limits(), ServingMetrics())
        scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
        asyncio.run(app(scope, receive, send))
        return sent[0]["status"]


class TestBell:
    def test_each_ring_is_heard_by_every_process(self, tmp_path):
        mine, other = Bell(tmp_path / "bell"), Bell(tmp_path / "bell")
        heard = {other.rung()}
        for _ in range(100):
            mine.ring()
            heard.add(other.rung())
        assert len(heard) == 101

    def test_silence_is_silence(self, tmp_path):
        bell = Bell(tmp_path / "bell")
        assert bell.rung() == bell.rung()
        assert not (tmp_path / "bell").exists()


@pytest.mark.parametrize(
    ("uri", "aliased"),
    [
        ("models:/sp500@champion", ("sp500", "champion")),
        ("models:/a@b@champion", ("a@b", "champion")),
        ("models:/sp 500@champion", ("sp 500", "champion")),
        ("models:/sp500/3", None),
        ("models:/sp500/Production", None),
        ("models:/m-0123456789", None),
        ("models:/sp500@champion/more", None),
        ("models:/sp500@", None),
        ("runs:/0123@x/model", None),
        ("/models/sp500@champion", None),
    ],
)
def test_only_an_alias_is_followed(uri, aliased):
    assert Source("champion", uri).aliased == aliased
