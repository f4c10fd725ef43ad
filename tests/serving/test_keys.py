"""Keys: who may ask, how keys change, and that none is ever shown."""

import hashlib
import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidConfig, RequestRefused
from ordinis_mlflow.serving.http import Request
from ordinis_mlflow.serving.keys import LOOK_SECONDS, KeyGuard, Keyring

ONE, TWO = "first-key-of-a-test", "second:key#of:a:test"
KEYS = st.text(string.ascii_letters + string.digits + "-_:=+/", min_size=16, max_size=64)
VISIBLE = st.binary(max_size=80)


def asked(path="/invocations", **headers):
    names = {"bearer": b"authorization", "key": b"x-api-key", "authorization": b"authorization"}
    prefix = {"bearer": b"Bearer "}
    sent = [
        (names[name], prefix.get(name, b"") + (v if isinstance(v, bytes) else v.encode()))
        for name, v in headers.items()
    ]
    return Request({"method": "POST", "path": path, "headers": sent}, 30.0)


def passes(guard, request):
    try:
        guard.check(request)
    except RequestRefused as error:
        refused = error
    else:
        return True
    assert refused.status == 401
    assert dict(refused.headers)[b"www-authenticate"].startswith(b"Bearer")
    assert ONE not in str(refused)
    return False


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# of the desk\ndesk:{ONE}  # until May\n\n")
    return path


def guard_of(*arguments, **more):
    return KeyGuard(Keyring(*arguments).digests, **more)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"bearer": ONE}, True),
        ({"key": ONE}, True),
        ({"authorization": f"bearer   {ONE} "}, True),
        ({}, False),
        ({"bearer": ONE[:-1]}, False),
        ({"bearer": ONE + "x"}, False),
        ({"bearer": ONE.upper()}, False),
        ({"authorization": ONE}, False),
        ({"authorization": f"Basic {ONE}"}, False),
        ({"authorization": f"desk:{ONE}"}, False),
        ({"bearer": hashlib.sha256(ONE.encode()).hexdigest()}, False),
        ({"bearer": "", "key": ""}, False),
        ({"bearer": ONE, "key": "another one of them"}, False),
    ],
)
def test_who_may_ask(file, headers, allowed):
    assert passes(guard_of(file), asked(**headers)) == allowed


@given(KEYS, KEYS, VISIBLE)
def test_the_keys_and_nothing_else_open(one, two, other):
    guard = guard_of(None, f"a:{one} b:{two}")
    assert passes(guard, asked(bearer=one))
    assert passes(guard, asked(key=two))
    assert passes(guard, asked(key=other)) == (other in (one.encode(), two.encode()))


def test_a_hash_inside_a_key_begins_no_comment(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"desk:{TWO}\t# the second\n#desk:{ONE}\n")
    guard = guard_of(path)
    assert passes(guard, asked(bearer=TWO))
    assert not passes(guard, asked(bearer=ONE))


def test_a_digest_stands_for_its_key(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"desk:sha256:{hashlib.sha256(ONE.encode()).hexdigest().upper()}\n")
    assert passes(guard_of(path), asked(bearer=ONE))
    assert ONE not in path.read_text()


def test_what_is_open_besides(file):
    guard = guard_of(file, also_open=["/metrics"])
    assert passes(guard, asked("/metrics"))
    assert not passes(guard, asked("/metrics/"))


def test_keys_change_with_the_file(file):
    ring = Keyring(file)
    guard, now = KeyGuard(ring.digests), asked().received
    assert passes(guard, asked(bearer=ONE))
    file.write_text(f"new:{'another' * 4}\n")
    request = asked(bearer="another" * 4)
    request.received = now + LOOK_SECONDS + 1
    assert passes(guard, request)
    assert not passes(guard, asked(bearer=ONE))


def test_the_file_is_not_looked_at_for_every_request(file, monkeypatch):
    ring = Keyring(file)
    looked = []
    monkeypatch.setattr(os, "stat", lambda path: looked.append(path))
    for now in (0.0, 0.1, 0.2, 0.9, LOOK_SECONDS + 0.1):
        ring.digests(now)
    assert len(looked) == 2


@pytest.mark.parametrize(
    "text", ["", "desk:short\n", "no colon here\n", f"desk:{ONE} more\n", None], ids=str
)
def test_a_slip_leaves_the_keys_as_they_were(file, text, caplog):
    ring = Keyring(file)
    before = ring.digests(0.0)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    assert ring.digests(LOOK_SECONDS * 2) == before
    assert len(caplog.records) == 1
    ring.digests(LOOK_SECONDS * 4)
    assert len(caplog.records) == 1
    assert ONE not in caplog.text


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("", "no API key"),
        ("a:tooshort", "'a'.*16 characters"),
        (f":{ONE}", "entry 1"),
        ("justonewordoftwenty1", "entry 1"),
        (f"a:{ONE} secretsecretsecret", "entry 2"),
        ("a:sha256:abcdef", "digest"),
        (f"a:sha256:{'g' * 64}", "digest"),
    ],
)
def test_what_is_refused_at_the_start(entries, reason):
    with pytest.raises(InvalidConfig, match=reason) as error:
        Keyring(None, entries)
    for secret in ("tooshort", ONE, "justoneword", "secretsecret", "abcdef"):
        assert secret not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidConfig, match=r"cannot be read.*missing"):
        Keyring(tmp_path / "missing")
