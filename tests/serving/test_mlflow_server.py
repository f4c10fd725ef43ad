"""``mlflow models serve``, started for real: what it answers, refuses and leaves behind."""

import contextlib
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import requests

from flows.main import served_signals
from ordinis_mlflow.errors import ServingError
from ordinis_mlflow.serving import mlflow_server
from ordinis_mlflow.serving.mlflow_server import MlflowServer

pytestmark = pytest.mark.usefixtures("tracking_store")
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@pytest.fixture(scope="module")
def server(saved_package):
    """Where the environment is not activated: PATH does not lead to the interpreter's programs."""
    folders = [*filter(None, os.defpath.split(os.pathsep)), "/usr/local/bin"]
    bare = {"PATH": os.pathsep.join(folders)}
    with MlflowServer(str(saved_package), environment=bare, timeout_s=60) as running:
        yield running


@pytest.fixture
def post(server):
    def call(body):
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        return requests.post(f"{server.url}/invocations", data=text, headers=headers, timeout=60)

    return call


@pytest.fixture
def refused(post):
    """Post what must be refused, and return the last line of the reason."""

    def call(body):
        answer = post(body)
        assert answer.status_code == 400, answer.text[-300:]
        assert "Traceback" not in answer.text
        assert "stack_trace" not in answer.text
        return answer.json()["message"].strip().splitlines()[-1]

    return call


def changed(windows, column, value, bar=5):
    """One window with one cell replaced."""
    window = windows[0].tolist()
    window[bar][column] = value
    return {"inputs": {"bars": [window]}}


@pytest.mark.parametrize("n", [1, 3])
def test_answers_are_the_models(server, small_model, small_windows, n):
    windows = small_windows[:n]
    assert server.signals(windows) == small_model.predict(windows).records()


def test_many_windows(server, small_model, small_windows):
    served = server.signals(small_windows)
    local = small_model.predict(small_windows).records()
    for one, other in zip(served, local, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("form", ["named", "bare", "records"])
def test_forms_of_a_request(post, server, small_windows, form):
    windows = small_windows[:2].tolist()
    body = {
        "named": {"inputs": {"bars": windows}},
        "bare": {"inputs": windows},
        "records": {"instances": [{"bars": window} for window in windows]},
    }[form]
    answer = post(body)
    assert answer.status_code == 200, answer.text[-300:]
    assert answer.json() == {"predictions": server.signals(small_windows[:2])}


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        (CLOSE, float("nan"), "close"),
        (CLOSE, float("inf"), "close"),
        (VOLUME, float("-inf"), "volume"),
        (CLOSE, None, "close"),
        (CLOSE, 0.0, "close"),
        (OPEN, -1.0, "open"),
        (VOLUME, -1.0, "volume"),
        (HIGH, 1e-3, "high"),
        (CLOSE, 1e9, "close"),
        (CLOSE, True, "close"),
    ],
    ids=[
        "nan",
        "infinity",
        "minus infinity",
        "null",
        "zero",
        "negative",
        "negative volume",
        "high below low",
        "close above high",
        "true",
    ],
)
def test_bars_that_break_a_rule(refused, small_windows, column, value, rule):
    reason = refused(changed(small_windows, column, value))
    assert "window 0, bar 5: " in reason
    assert rule in reason


def test_the_window_at_fault_is_named(refused, small_windows):
    windows = small_windows[:3].tolist()
    windows[2][7][CLOSE] = 0.0
    assert "window 2, bar 7: " in refused({"inputs": {"bars": windows}})


@pytest.mark.parametrize("cut", [slice(1, None), slice(0, 0)], ids=["one short", "empty"])
def test_wrong_window_length(refused, small_windows, cut):
    assert "shape" in refused({"inputs": {"bars": [small_windows[0][cut].tolist()]}}).lower()


def test_wrong_number_of_columns(refused, small_windows):
    assert "shape" in refused({"inputs": {"bars": small_windows[:1, :, :4].tolist()}}).lower()


def test_no_windows(refused):
    assert "shape" in refused({"inputs": {"bars": []}}).lower()


def test_one_window_without_its_axis(refused, small_windows):
    assert "shape" in refused({"inputs": {"bars": small_windows[0].tolist()}}).lower()


def test_unknown_name(refused, small_windows):
    reason = refused({"inputs": {"candles": small_windows[:1].tolist()}})
    assert "bars" in reason
    assert "Model is missing inputs" in reason


@pytest.mark.parametrize("value", ["abc", "", [1.0], {"a": 1}, 10**400])
def test_cells_that_are_no_numbers(refused, small_windows, value):
    assert refused(changed(small_windows, CLOSE, value))


def test_ragged_windows(refused, small_windows):
    windows = small_windows[:2].tolist()
    windows[1] = windows[1][1:]
    assert "inhomogeneous" in refused({"inputs": {"bars": windows}})


@pytest.mark.xfail(strict=True, reason="MLflow's parser casts both before any flavor sees them")
@pytest.mark.parametrize("cell", [True, "1.0"], ids=["bool", "text"])
def test_wrong_types_are_not_read_as_numbers(refused, small_windows, cell):
    """As numbers, these windows would be whole: five ones a bar."""
    assert refused({"inputs": {"bars": [[[cell] * 5] * small_windows.shape[1]]}})


@pytest.mark.parametrize("body", ["{", "", "[]", "null", "{}", '{"inputs": 3}', '{"inputs": null}'])
def test_bodies_that_are_no_request(refused, body):
    assert refused(body)


def test_requests_at_once_get_their_own_answers(server, small_model, small_windows):
    batches = [small_windows[i : i + 1 + i % 3] for i in range(24)]
    expected = [small_model.predict(batch).records() for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(server.signals, batches))
    assert answers == expected
    assert len({str(answer) for answer in answers}) > 8


def test_the_client_hears_the_servers_reason(server, small_windows):
    windows = small_windows[:1].copy()
    windows[0, 5, CLOSE] = 0.0
    with pytest.raises(ServingError, match=r"the server answered 400.*window 0, bar 5") as error:
        server.signals(windows)
    assert "stack_trace" not in str(error.value)


def test_refusals_are_no_errors_of_the_server(server):
    """It has refused much above, and still stands."""
    assert requests.get(f"{server.url}/health", timeout=10).status_code == 200
    assert server.process.poll() is None


@pytest.fixture(scope="module")
def asked(saved_package, small_model, small_bars, programs):
    """(signals, seconds, the stopped server, what of its session was left) of main's request."""
    started = []

    class Remembered(MlflowServer):
        def __enter__(self):
            started.append(super().__enter__())
            return started[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", programs["PATH"])
        patch.setattr("flows.main.MlflowServer", Remembered)
        answer = served_signals(str(saved_package), small_bars, small_model.contract.lookback)
    (server,) = started
    return *answer, server, session(server.process.pid)


def session(leader):
    """Processes of a session that still run; a dead one may wait for its parent to hear of it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
    return found


def test_main_asks_for_the_latest_bars(asked, small_model, small_bars):
    signals, seconds, *_ = asked
    latest = small_model.signal(small_bars).set_index("symbol").drop(columns="timestamp")
    assert list(signals) == list(latest.index)
    for symbol, expected in latest.to_dict("index").items():
        assert signals[symbol] == pytest.approx(expected, rel=1e-6)
    assert 0 < seconds < 60


def test_a_stopped_server_does_not_answer(asked):
    server = asked[2]
    assert server.process.poll() is not None
    with pytest.raises(ConnectionRefusedError), socket.socket() as client:
        client.connect((mlflow_server.LOOPBACK, server.port))


def test_a_stopped_server_leaves_no_process(asked):
    """When the block has ended: the server is a grandchild, and its parent ends before it does."""
    assert asked[3] == []


def test_a_model_that_is_not_there(tmp_path, programs):
    missing = tmp_path / "missing"
    with pytest.raises(ServingError, match="did not come up") as error:
        MlflowServer(str(missing), environment=programs).__enter__()
    assert str(missing) in str(error.value)
    assert "No such artifact" in str(error.value).split("printed:")[1]


def test_it_comes_up_where_the_environment_is_not_activated(server):
    """The interpreter's own programs are meant, whether or not PATH leads to them."""
    assert server.process.poll() is None


def test_a_slow_health_check_is_asked_again(monkeypatch):
    """A busy machine may take longer than one health check waits."""
    answers = [requests.ReadTimeout("slow"), requests.ConnectionError("not yet"), None]

    class Well:
        status_code = 200

    class Process:
        def poll(self):
            return None

    def get(*_, **__):
        answer = answers.pop(0)
        if answer:
            raise answer
        return Well()

    monkeypatch.setattr(mlflow_server.requests, "get", get)
    server = MlflowServer("models:/any/1")
    server.process = Process()
    server._wait()
    assert answers == []


def test_a_server_that_is_gone_is_our_error(small_windows):
    """ServingError: a model server did not come up or did not answer."""
    server = MlflowServer("models:/any/1")  # never started
    with pytest.raises(ServingError):
        server.signals(np.asarray(small_windows[:1]))
