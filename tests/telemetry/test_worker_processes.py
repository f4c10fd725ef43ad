"""Several real processes and one /metrics: prometheus_client's multiprocess mode."""

import os
import signal
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families as plain

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.telemetry import ServingMetrics, multiprocess_directory
from ordinis_mlflow.telemetry.processes import DIRECTORY

WORKER = """
import sys
import numpy as np, pandas as pd
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics
metrics = ServingMetrics()
one = np.ones(3, np.float32)
signal = Signal(one, one, one * 0.75, np.ones(3, np.int64), one * 0.5)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Worker:
    """A process that counts what it is told to."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip

    def do(self, line):
        """Everything printed up to the mark that it is done."""
        self.process.stdin.write(line.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        read = ""
        while not read.endswith("done\n"):
            part = self.process.stdout.readline()
            assert part, f"worker ended: {read}"
            read += part
        return read.removesuffix("done\n")

    def samples(self):
        text = self.do("print(metrics.render()[0].decode())")
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in plain(text)
            for sample in family.samples
        }

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def workers():
    with multiprocess_directory():
        both = Worker(), Worker()
        yield both
        for worker in both:
            worker.close()


COUNTED = (
    "metrics.answered('/invocations', 200, 0.002); metrics.ran(3, 0.001); "
    "metrics.signalled(signal, 'champion'); metrics.in_flight().inc(); metrics.log_pending(4)"
)


def serve(version, loaded):
    fitted = "pd.Timestamp('2018-12-28', tz='UTC')"
    return f"metrics.serving('champion', 'sp500', '{version}', {fitted}, {loaded})"


def series(found, name):
    return {dict(key[1:])["version"]: value for key, value in found.items() if key[0] == name}


def test_two_processes_are_one(workers):
    one, other = workers
    for worker in workers:
        worker.do(COUNTED)
    other.do(COUNTED)
    assert one.samples() == other.samples()
    found = one.samples()
    route = ("route", "/invocations")
    assert found["ordinis_requests_total", route, ("status", "200")] == 3
    assert found["ordinis_request_duration_seconds_count", route] == 3
    assert found["ordinis_windows_total",] == 9
    assert found["ordinis_signal_probability_up_bucket", ("arm", "champion"), ("le", "0.75")] == 9
    assert found["ordinis_requests_in_flight",] == 3
    assert found["ordinis_prediction_log_pending_rows",] == 8


def test_a_version_goes_when_the_last_worker_has_swapped(workers):
    one, other = workers
    one.do(serve(1, 100))
    other.do(serve(1, 110))
    assert series(one.samples(), "ordinis_model_info") == {"1": 1}
    assert series(one.samples(), "ordinis_model_loaded_timestamp_seconds") == {"1": 110}
    one.do(serve(2, 200))
    assert series(other.samples(), "ordinis_model_info") == {"1": 1, "2": 1}
    other.do(serve(2, 210))
    found = one.samples()
    assert series(found, "ordinis_model_info") == {"2": 1}
    assert series(found, "ordinis_model_age_seconds").keys() == {"2"}
    assert series(found, "ordinis_model_loaded_age_seconds").keys() == {"2"}


def test_a_killed_worker_still_counts_and_shows_nothing(workers):
    one, other = workers
    one.do(COUNTED)
    other.do(COUNTED)
    other.do(serve(1, 100))
    one.do(serve(2, 100))
    other.kill()
    found = one.samples()
    assert found["ordinis_windows_total",] == 6
    assert found["ordinis_requests_in_flight",] == 1
    assert series(found, "ordinis_model_info") == {"2": 1}
    files = os.listdir(os.environ[DIRECTORY])
    assert not [name for name in files if "live" in name and str(other.process.pid) in name]


def test_the_directory_is_fresh_and_goes_with_the_block():
    with multiprocess_directory() as directory:
        assert os.environ[DIRECTORY] == str(directory)
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()
    assert DIRECTORY not in os.environ


def test_a_directory_that_is_named_is_emptied_of_counts_and_stays(tmp_path, monkeypatch):
    named = tmp_path / "metrics"
    monkeypatch.setenv(DIRECTORY, str(named))
    with multiprocess_directory() as directory:
        (directory / "counter_1.db").write_bytes(b"old")
        (directory / "notes.txt").write_text("mine")
    with multiprocess_directory() as directory:
        assert directory == named
        assert [file.name for file in directory.iterdir()] == ["notes.txt"]
    assert os.environ[DIRECTORY] == str(named)


def test_a_variable_set_too_late_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    with pytest.raises(InvalidConfig, match="was not set when prometheus_client was imported"):
        ServingMetrics()


def test_a_directory_that_is_not_there_is_refused(tmp_path):
    environment = {**os.environ, DIRECTORY: str(tmp_path / "missing")}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, input=""
    )
    assert "InvalidConfig" in done.stderr.splitlines()[-1]
    assert "is no directory" in done.stderr.splitlines()[-1]
