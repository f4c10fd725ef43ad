"""Every valid request gets the answer of ``mlflow models serve``; what is invalid is refused."""

import json

import numpy as np
import pytest
import requests
from signal_server import serving

from ordinis_mlflow.serving.mlflow_server import MlflowServer
from ordinis_mlflow.serving.settings import ServingSettings

pytestmark = pytest.mark.usefixtures("tracking_store")
JSON = "application/json"
MOST_CHARACTERS = 700


@pytest.fixture(scope="module")
def ours(saved_package):
    with serving(ServingSettings(model=str(saved_package))) as server:
        yield server


@pytest.fixture(scope="module")
def mlflows(saved_package, programs):
    with MlflowServer(str(saved_package), environment=programs) as server:
        yield server


def of_integers(windows):
    """Windows of whole numbers that obey the rules, written without a decimal point."""
    rising = np.cumsum(np.ones(windows.shape[:2], int), axis=1) * 10
    bars = np.stack([rising + 2, rising + 4, rising, rising + 3, rising * 1000], axis=-1)
    return bars.tolist()


VALID = {
    "a list": lambda w: {"inputs": w[:1].tolist()},
    "a name": lambda w: {"inputs": {"bars": w[:1].tolist()}},
    "many in a list": lambda w: {"inputs": w.tolist()},
    "many under a name": lambda w: {"inputs": {"bars": w.tolist()}},
    "instances": lambda w: {"instances": w[:3].tolist()},
    "named instances": lambda w: {"instances": [{"bars": x} for x in w[:3].tolist()]},
    "one named instance": lambda w: {"instances": [{"bars": w[0].tolist()}]},
    "whole numbers": lambda w: {"inputs": of_integers(w[:2])},
    "whole numbers among floats": lambda w: {
        "inputs": [[[100, 101.5, 99, 100, 0], *window[1:]] for window in w[:2].tolist()]
    },
    "parameters": lambda w: {"inputs": w[:1].tolist(), "params": {"horizon": 5}},
    "no parameters": lambda w: {"inputs": w[:1].tolist(), "params": None},
    "parameters of another type": lambda w: {"inputs": w[:1].tolist(), "params": [1, "2"]},
    "other fields": lambda w: {"instances": w[:1].tolist(), "client": {"name": "desk 7"}},
    "small numbers": lambda w: {"inputs": (w[:1] * ([1e-12] * 4 + [1e-300])).tolist()},
}


def posted(url, body, content_type=JSON):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if content_type is None else {"Content-Type": content_type}
    return requests.post(f"{url}/invocations", data=text, headers=headers, timeout=60)


def same(one, other):
    """The same to the last digit of the graph's float32; larger batches are cut differently."""
    one, other = one.json(), other.json()
    assert one.keys() == other.keys() == {"predictions"}
    for mine, theirs in zip(one["predictions"], other["predictions"], strict=True):
        assert list(mine) == list(theirs)
        assert mine == pytest.approx(theirs, rel=1e-5, abs=1e-9)
        assert {k: type(v) for k, v in mine.items()} == {k: type(v) for k, v in theirs.items()}


@pytest.mark.parametrize("form", VALID)
def test_valid_requests(form, ours, mlflows, small_windows):
    body = VALID[form](small_windows)
    mine, theirs = posted(ours.url, body), posted(mlflows.url, body)
    assert (mine.status_code, theirs.status_code) == (200, 200), (mine.text, theirs.text[-300:])
    same(mine, theirs)
    assert mine.headers["Content-Type"] == theirs.headers["Content-Type"] == JSON


def test_one_window_is_answered_to_the_last_bit(ours, mlflows, small_windows):
    for window in small_windows[:5]:
        body = {"inputs": [window.tolist()]}
        assert posted(ours.url, body).json() == posted(mlflows.url, body).json()


@pytest.mark.parametrize(
    "content_type",
    [JSON, f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8", f"{JSON} ; charset=utf-8"],
)
def test_content_types_of_json(content_type, ours, mlflows, small_windows):
    body = {"inputs": small_windows[:1].tolist()}
    same(posted(ours.url, body, content_type), posted(mlflows.url, body, content_type))


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_other_routes(path, ours, mlflows):
    mine, theirs = (requests.get(server.url + path, timeout=60) for server in (ours, mlflows))
    assert (mine.status_code, mine.text) == (theirs.status_code, theirs.text)


def cell(value):
    """One window of which one cell is replaced by a JSON value as it is spelled."""

    def body(windows):
        text = json.dumps({"inputs": windows[:1].tolist()})
        return text.replace(json.dumps(float(windows[0, 5, 3])), value, 1).encode()

    return body


def of(make):
    return lambda windows: json.dumps(make(windows.tolist())).encode()


INVALID = {
    "text that is a number": cell('"100.5"'),
    "all text": of(lambda w: {"inputs": [[["1.0"] * 5] * len(w[0])]}),
    "all true": of(lambda w: {"inputs": [[[True] * 5] * len(w[0])]}),
    "true": cell("true"),
    "null": cell("null"),
    "NaN": cell("NaN"),
    "Infinity": cell("Infinity"),
    "minus infinity": cell("-Infinity"),
    "beyond float64": cell("1e400"),
    "integer beyond float64": cell("1" * 400),
    "integer of 100,000 digits": cell("1" * 100_000),
    "empty text": cell('""'),
    "list": cell("[1.0]"),
    "object": cell("{}"),
    "zero": cell("0"),
    "negative": cell("-1.0"),
    "close above high": cell("1e9"),
    "ragged": of(lambda w: {"inputs": [w[0], w[1][1:]]}),
    "one bar short": of(lambda w: {"inputs": [w[0][1:]]}),
    "one bar more": of(lambda w: {"inputs": [w[0] + w[0][-1:]]}),
    "four columns": of(lambda w: {"inputs": [[bar[:4] for bar in w[0]]]}),
    "six columns": of(lambda w: {"inputs": [[[*bar, 1.0] for bar in w[0]]]}),
    "no axis of windows": of(lambda w: {"inputs": w[0]}),
    "an axis more": of(lambda w: {"inputs": [w[:1]]}),
    "no windows": of(lambda w: {"inputs": []}),
    "no named windows": of(lambda w: {"inputs": {"bars": []}}),
    "no instances": of(lambda w: {"instances": []}),
    "empty window": of(lambda w: {"inputs": [[]]}),
    "unknown name": of(lambda w: {"inputs": {"candles": w[:1]}}),
    "unknown name of an instance": of(lambda w: {"instances": [{"candles": w[0]}]}),
    "inputs null": of(lambda w: {"inputs": None}),
    "inputs a number": of(lambda w: {"inputs": 3}),
    "two forms": of(lambda w: {"inputs": w[:1], "instances": w[:1]}),
    "two forms, one null": of(lambda w: {"inputs": w[:1], "instances": None}),
    "windows and bars": of(lambda w: {"inputs": w[:1], "dataframe_split": {}}),
    "unknown form": of(lambda w: {"input_values": w[:1]}),
    "no form": of(lambda w: {}),
    "a list": of(lambda w: w[:1]),
    "nothing": lambda w: b"",
    "null body": lambda w: b"null",
    "half": lambda w: json.dumps({"inputs": w[:1].tolist()}).encode()[:-40],
    "twice": lambda w: json.dumps({"inputs": w[:1].tolist()}).encode() * 2,
    "deep list": lambda w: b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep object": lambda w: b'{"inputs": ' + b'{"bars": ' * 50_000 + b"1" + b"}" * 50_001,
    "deep in what is passed over": lambda w: b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not UTF-8": lambda w: b'{"inputs": "\xff\xfe"}',
    "UTF-16": lambda w: json.dumps({"inputs": w[:1].tolist()}).encode("utf-16"),
    "a byte order mark": lambda w: b"\xef\xbb\xbf" + json.dumps({"inputs": []}).encode(),
    "zero bytes": lambda w: b"\0" * 1000,
    "a million characters of junk": lambda w: b"junk" * 250_000,
}


def refused_in_one_line(answer, status):
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["Content-Type"] == JSON
    told = json.loads(answer.text, parse_constant=pytest.fail)
    assert told.keys() == {"error_code", "message"}
    assert "\n" not in answer.text
    assert len(answer.text) < MOST_CHARACTERS
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text
    return told["message"]


@pytest.mark.parametrize("form", INVALID)
def test_invalid_requests(form, ours, small_windows):
    message = refused_in_one_line(posted(ours.url, INVALID[form](small_windows)), 400)
    assert "junkjunk" not in message


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/csv",
        "text/plain",
        "application/x-parquet",
        "application/json; charset=latin-1",
        "application/json; boundary=x",
        "application/json; charset=utf-8; profile=x",
        "application/jsonx",
        "x" * 5000,
    ],
)
def test_content_types_that_are_refused(content_type, ours, small_windows):
    body = {"inputs": small_windows[:1].tolist()}
    refused_in_one_line(posted(ours.url, body, content_type), 415)


def extreme(windows, price, volume):
    return {"inputs": [[[price] * 4 + [volume]] * windows.shape[1]] * 2}


@pytest.mark.parametrize("price", [5e-324, 1e-300, 1.0, 1e150, 1e300, 1.7e308])
@pytest.mark.parametrize("volume", [0, 5e-324, 1e150, 1e308])
def test_bars_near_the_limits_are_answered_in_json_or_refused(price, volume, ours, small_windows):
    """A number that is not finite leaves in neither case."""
    windows = small_windows[:1].copy()
    windows[0, ::2] *= 1.5
    for body in (
        extreme(small_windows, price, volume),
        {"inputs": np.concatenate(
            [windows[:, :, :4] * min(price, 1e300), np.full((1, windows.shape[1], 1), volume)], -1
        ).tolist()},
    ):  # fmt: skip
        answer = posted(ours.url, body)
        assert answer.status_code in (200, 400), answer.text
        json.loads(answer.text, parse_constant=pytest.fail)


def test_it_still_stands(ours):
    """It has refused much above; nothing of it was an error of the server."""
    assert ours.alive()
    assert ours.log.read_text() == ""
