"""wrk against a real server: what it says of it."""

import shutil

import pytest
from stalling import StallingServer

from bench.load.closed import closed_loop
from bench.load.post import Post
from ordinis_mlflow.errors import ServingError

needs_wrk = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
AWKWARD = b'{"a": "]=] \\" \n \x00"}'


@needs_wrk
def test_rate_percentiles_and_body():
    with StallingServer(each_s=0.005) as server:
        found = closed_loop(Post(server.port, "/", AWKWARD, (("X-Quote", 'a"b'),)), 2, 1)
    assert server.bodies == {AWKWARD}
    # The server takes 5 ms a request, one after another: at most 200 a second, from two connections
    # with at least 10 ms each once both wait.
    assert 0 < found.rate <= 200
    assert found.p50_s >= 0.0095
    assert found.p99_s >= found.p50_s
    assert (found.refused, found.broken) == (0, 0)


@needs_wrk
def test_refusals_are_counted():
    with StallingServer(each_s=0.002, refuses_every=2) as server:
        found = closed_loop(Post(server.port, "/", b""), 1, 1)
    assert found.requests // 2 - 1 <= found.refused <= found.requests // 2 + 1


def test_without_wrk_the_advice_is_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServingError, match="apt-get install wrk"):
        closed_loop(Post(1, "/", b""), 1, 1)
