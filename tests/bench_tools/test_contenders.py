"""What is measured is started, sent the right thing, and gone afterwards."""

import http.client
import sys
from io import BytesIO

import numpy as np
import pandas as pd
import psutil
import pytest

from bench.load.single import one_connection
from bench.peers.contenders import floor
from bench.serving.contender import Contender
from bench.serving.contenders import inputs, mlflow, parquet
from bench.serving.rounds import against, in_turn, rates, running
from bench.serving.running import Running
from bench.soaking.expected import Expected
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import ServingError

SERVER = """
import http.server, os, subprocess, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if time.monotonic() < ready else 200)
        self.send_header("Content-Type", os.environ["OTHER"])
        self.end_headers()
idle = [sys.executable, "-c", "import time; time.sleep(60)"]
children = [subprocess.Popen(idle), subprocess.Popen(idle, start_new_session=True)]
print(*(child.pid for child in children), flush=True)
ready = time.monotonic() + 0.3
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def stand_in(code=SERVER):
    command = (sys.executable, "-c", code.replace("{", "{{").replace("}", "}}"), "{port}")
    other = (("OTHER", "{second_port}"),)
    return Contender("stand-in", command, "/path", b"body", environment=other)


def test_it_runs_until_the_block_ends_and_so_do_its_children():
    with Running(stand_in()) as server:
        children = [psutil.Process(int(pid)) for pid in server.log().splitlines()[0].split()]
        assert len(children) == 2
        connection = http.client.HTTPConnection("127.0.0.1", server.post.port)
        connection.request("POST", "/path", b"body")
        with connection.getresponse() as answer:
            answer.read()
        connection.close()
        assert answer.getheader("Content-Type").isdigit()
        assert int(answer.getheader("Content-Type")) != server.post.port
        assert server.cold_start_s >= 0.3
        assert server.peak_bytes() > 2**20
    assert not psutil.wait_procs(children, 5)[1]
    with pytest.raises(ConnectionRefusedError):
        one_connection(server.post, 1)


def test_what_it_printed_is_in_the_error():
    failing = stand_in("import sys; print('no such model'); sys.exit(3)")
    with (
        pytest.raises(ServingError, match=r"status 3; last answer: none; it printed:\nno such"),
        Running(failing),
    ):
        pass


def test_one_that_does_not_come_up_is_stopped():
    sleeping = stand_in("import time; print('asleep', flush=True); time.sleep(60)")
    with pytest.raises(ServingError, match="took too long"), Running(sleeping, timeout_s=0.5):
        pass


def test_what_it_answered_is_in_the_error():
    refusing = stand_in(SERVER.replace("+ 0.3", "+ 60"))
    with pytest.raises(ServingError, match="last answer: 503"), Running(refusing, timeout_s=0.5):
        pass


def test_the_floor_answers_what_the_model_says(small_model, saved_package, small_windows):
    expected = Expected.of({"m/1": small_model}, small_windows[:1])
    with running(floor(saved_package / "model.onnx", small_windows[:1])) as (server,):
        connection = http.client.HTTPConnection("127.0.0.1", server.post.port)
        connection.request("POST", server.post.path, server.post.body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert server.post.body == expected.bodies[0] == inputs(small_windows[:1])
    assert answer.status == 200
    assert expected.problem(0, "m/1", content) is None


def test_bulk_bars_are_the_windows(small_windows):
    body = parquet(small_windows, pd.Timedelta("1D"))
    bars = Bars.from_frame(pd.read_parquet(BytesIO(body)))
    assert bars.frequency == pd.Timedelta("1D")
    found = [each.values for each in bars.series()]
    assert np.array_equal(np.stack(found), small_windows)


def test_rounds_are_in_turn_and_the_first_is_left_out():
    servers = [Running(mlflow(name, "m", b"")) for name in ("one", "two")]
    asked = []

    def measure(server):
        asked.append(server.contender.name)
        return {"one": 0.001, "two": 0.004}[server.contender.name] * len(asked)

    times = in_turn(measure, servers, 3)
    assert asked == ["one", "two"] * 4
    assert np.allclose(times, [(0.003, 0.016), (0.005, 0.024), (0.007, 0.032)])
    found = against(times, 1)
    assert found.ratios == pytest.approx((3 / 16, 5 / 24, 7 / 32))
    assert found.ratio == pytest.approx(5 / 24)
    assert rates(times, servers) == "one 200/s, two 42/s"
