"""SignalClient, against the real server."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest
from signal_server import serving

from ordinis_mlflow.client import SignalClient
from ordinis_mlflow.errors import DeadlinePassed, RequestRefused, ServingError
from ordinis_mlflow.serving.settings import ServingSettings


@contextlib.contextmanager
def busy(times):
    """A server that is full so many times before it answers."""
    left = iter(range(times))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            full = next(left, None) is not None
            self.send_response(503 if full else 200)
            self.send_header("Retry-After", "0")
            self.send_header("X-Ordinis-Model", "sp500/3")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *ignored):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def client(saved_package):
    with serving(ServingSettings(str(saved_package))) as server, SignalClient(server.url) as asking:
        yield asking


def test_windows_get_the_models_signals(client, small_model, small_windows):
    got, expected = client.predict(small_windows), small_model.predict(small_windows)
    for (_, ours), (name, theirs) in zip(got.columns(), expected.columns(), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("as_frame", [True, False])
def test_bars_get_the_latest_signal_of_each_symbol(client, small_model, small_bars, as_frame):
    got = client.signal(small_bars.frame if as_frame else small_bars)
    assert set(got.pop("model_version")) == {client.model()[1]}
    expected = small_model.signal(small_bars)
    pd.testing.assert_frame_equal(got, expected, check_dtype=False, rtol=1e-5)


def test_what_breaks_a_rule_is_refused_with_the_rule(client, small_windows, small_bars):
    with pytest.raises(RequestRefused, match="shape"):
        client.predict(small_windows[:, 1:])
    frame = small_bars.frame
    frame.loc[3, "low"] = -1.0
    with pytest.raises(RequestRefused, match="low"):
        client.signal(frame)


def test_nobody_there_is_said():
    with SignalClient("http://127.0.0.1:9") as asking, pytest.raises(ServingError, match="9"):
        asking.model()


def test_a_full_server_is_asked_again():
    with busy(3) as url, SignalClient(url) as asking:
        assert asking.model() == ("sp500", "3")


def test_but_not_for_ever():
    late = pytest.raises(DeadlinePassed, match=r"0\.2 s")
    with busy(10**9) as url, SignalClient(url, timeout=0.2) as asking, late:
        asking.model()
