"""The command: what it prints, refuses and imports, and how it ends."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from command_server import answers, command_server, one_answer, until_closed

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.command import main

LAST = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
MODULES = ("ordinis_mlflow.serving", "flows.serve")


def command(*arguments, module=MODULES[0]):
    """(exit status, standard error) of a command that ends by itself."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def workers_of(server):
    """Processes of the workers; not the one that multiprocessing keeps beside them."""
    found = []
    for each in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # or it has just ended
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
    return found


def metrics(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def body_of(windows):
    return json.dumps({"inputs": windows.tolist()}).encode()


@pytest.mark.parametrize("module", MODULES)
def test_it_imports_no_training_library(module):
    heavy = ("torch", "onnx", "optuna", "evidently", "arch", "exchange_calendars")
    code = f"import sys; import {module.replace('.serving', '.serving.command')}; "
    code += f"print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--port", 70000), "port must lie in 0 to 65535, got 70000"),
        (("--workers", 0), "workers must be 1 or more"),
        (("--drain_seconds", 0), "drain_seconds must be above 0"),
        (("--drain_seconds", "nan"), "drain_seconds must be above 0"),
        (("--connections", 0), "connections must be above 0"),
        (("--connections", 10**15), "open files"),
        (("--host", "no.such.host.invalid"), "cannot listen"),
        (("--private_key", "key.pem"), "need a certificate"),
        (("--certificate", "missing.pem"), r"missing\.pem"),
        (("--keys_file", "missing-keys"), "missing-keys"),
    ],
)
def test_what_is_refused_before_a_model_is_loaded(tmp_path, arguments, reason):
    with pytest.raises(InvalidConfig, match=reason):
        main(["--model", str(tmp_path / "missing"), "--port", "0", *map(str, arguments)])


def test_a_key_that_is_too_short_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("ORDINIS_API_KEYS", "desk:secret")
    with pytest.raises(InvalidConfig, match=r"'desk'.*16 characters") as error:
        main(["--port", "0"])
    assert "desk:secret" not in str(error.value)
    assert "'secret'" not in str(error.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_that_is_not_there(tmp_path, workers):
    model = tmp_path / "missing"
    status, said = command("--model", model, "--port", 0, "--workers", workers)
    assert status == 1
    assert said.startswith("error: ")
    assert str(model) in said
    assert said.count("\n") == 1


@pytest.fixture(scope="module")
def alone(saved_package):
    with command_server(saved_package) as server:
        yield server


def test_a_port_that_is_in_use(saved_package, alone):
    status, said = command("--model", saved_package, "--port", alone.port, module="flows.serve")
    assert (status, said.count("\n")) == (1, 1)
    assert f"port {alone.port} of 127.0.0.1 is in use" in said


def test_what_is_under_way_when_it_is_told_to_stop_is_answered(saved_package, small_windows):
    """One request half sent, one on a connection that was idle; who comes new is refused."""
    body = body_of(small_windows[:1])
    with command_server(saved_package) as server, server.connected() as half:
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        half.sendall(head + body[:100])
        with server.connected() as idle:
            idle.sendall(LAST.replace(b"close", b"keep-alive"))
            assert one_answer(idle) == (200, b"\n")
            server.process.send_signal(signal.SIGTERM)
            while not refused(server):
                time.sleep(0.01)
            half.sendall(body[100:])
            ((status, answer),) = answers(until_closed(half))
            assert status == 200
            assert len(json.loads(answer)["predictions"]) == 1
            assert until_closed(idle) == b""
        assert server.process.wait(60) == 0
        assert server.log.read_text() == ""


def refused(server):
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_it_at_once(saved_package, workers):
    with (
        command_server(saved_package, "--workers", workers, "--drain_seconds", 600) as server,
        server.connected() as half,
    ):
        half.sendall(POST + b"Content-Length: 10\r\n\r\n")
        server.process.send_signal(signal.SIGINT)
        while not refused(server):
            time.sleep(0.01)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(8) != 0  # a body may take ten seconds


def test_what_does_not_end_is_ended(saved_package):
    arguments = ("--drain_seconds", 0.5, "--read_seconds", 600)
    with command_server(saved_package, *arguments) as server, server.connected() as half:
        half.sendall(POST + b"Content-Length: 10\r\n\r\n")
        assert server.stop() == 0


@pytest.fixture(scope="module")
def pair(saved_package):
    with command_server(saved_package, "--workers", 2) as server:
        yield server


def ask(server, windows):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request(
        "POST", "/invocations", body_of(windows), {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    status, body = answer.status, answer.read()
    connection.close()
    return status, body


def test_workers_answer_and_count_together(pair, small_windows, small_model):
    assert len(workers_of(pair)) == 2
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        windows = [small_windows[n % 40 : n % 40 + 1] for n in range(64)]
        received = list(pool.map(lambda each: ask(pair, each), windows))
    expected = small_model.predict(np.concatenate(windows)).records()
    for (status, body), record in zip(received, expected, strict=True):
        assert status == 200
        assert json.loads(body)["predictions"] == [pytest.approx(record, rel=1e-5, abs=1e-9)]
    name = 'ordinis_requests_total{route="invocations",status="200"}'
    assert {metrics(pair)[name] for _ in range(8)} == {64.0}


def test_a_worker_that_dies_is_replaced(pair, small_windows):
    before = {each.pid for each in workers_of(pair)}
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    while len(now := {each.pid for each in workers_of(pair)} - {victim}) < 2:
        assert ask(pair, small_windows[:1])[0] == 200
    assert len(now - before) == 1
    assert "is replaced" in pair.log.read_text()
    assert pair.stop() == 0
    assert not any(psutil.pid_exists(pid) for pid in now)


def test_workers_do_not_outlive_a_parent_that_is_killed(saved_package):
    with command_server(saved_package, "--workers", 2) as server:
        left = workers_of(server)
        server.process.kill()
        assert psutil.wait_procs(left, timeout=60)[1] == []


def test_ctrl_c_reaches_the_group_and_is_no_failure(saved_package):
    with command_server(saved_package, "--workers", 2) as server:
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(60) == 0
        assert server.log.read_text() == ""


def test_one_server_takes_over_from_another_on_the_same_port(saved_package, small_windows):
    with command_server(saved_package, "--reuse_port", "true") as old:
        again = ("--reuse_port", "true", "--port", old.port)
        with command_server(saved_package, *again) as new:
            assert new.port == old.port
            assert old.stop() == 0
            assert ask(new, small_windows[:1])[0] == 200
