"""``/metrics`` beside plain ``mlflow models serve``: what it served, or a clear refusal."""

import subprocess
import sys
import time

import mlflow
import pandas as pd
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as plain

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig, InvalidWindows, ServingError
from ordinis_mlflow.flavor.side_port import PORT, counted
from ordinis_mlflow.serving.mlflow_server import LOOPBACK, MlflowServer, _free_port

pytestmark = pytest.mark.usefixtures("tracking_store")
ARM = ("arm", "champion")
LOAD = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None  # as if it were not installed
from ordinis_mlflow import flavor
model = flavor._load_pyfunc(sys.argv[1])
print("telemetry", "ordinis_mlflow.telemetry" in sys.modules)
"""


def scrape(port):
    text = requests.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10).text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in plain(text)
        for sample in family.samples
    }


@pytest.fixture
def port(monkeypatch):
    port = _free_port()
    monkeypatch.setenv(PORT, str(port))
    return port


def test_a_real_server_counts_what_it_serves(small_package, small_windows, port):
    with mlflow.start_run():
        flavor.log_model(small_package, registered_model_name="counted")
    with MlflowServer("models:/counted/1", environment={PORT: str(port)}) as server:
        served = server.signals(small_windows[:3]) + server.signals(small_windows[3:4])
        with pytest.raises(ServingError, match="400"):
            server.signals(-small_windows[:1])
        found = scrape(port)
    assert found["ordinis_windows_total",] == 4
    assert found["ordinis_batch_windows_sum",] == 4
    assert found["ordinis_model_duration_seconds_count",] == 2
    assert found["ordinis_errors_total", ("kind", "invalid_windows")] == 1
    route = ("route", "/invocations")
    assert found["ordinis_requests_total", route, ("status", "200")] == 2
    assert found["ordinis_requests_total", route, ("status", "400")] == 1
    assert found["ordinis_signal_probability_up_sum", ARM] == pytest.approx(
        sum(signal["probability_up"] for signal in served), rel=1e-6
    )
    version = (ARM, ("model", "counted"), ("version", "1"))
    assert found["ordinis_model_info", *version] == 1
    age = found["ordinis_model_age_seconds", *version]
    fitted_last = pd.Timestamp(small_package.contract.fitted_last).timestamp()
    assert age == pytest.approx(time.time() - fitted_last, abs=60)


def test_models_of_one_process_share_a_port(small_model, small_windows, port):
    for _ in range(2):
        predict = counted(small_model)
        assert predict(small_windows).records() == small_model.predict(small_windows).records()
    assert scrape(port)["ordinis_windows_total",] == 2 * len(small_windows)


def test_a_failure_is_counted_and_raised(small_model, port):
    with pytest.raises(InvalidWindows):
        counted(small_model)([])
    assert scrape(port)["ordinis_errors_total", ("kind", "invalid_windows")] == 1


def load(folder, *missing):
    command = [sys.executable, "-c", LOAD, str(folder), *missing]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_the_variable_nothing_is_needed(saved_package, monkeypatch):
    monkeypatch.delenv(PORT, raising=False)
    done = load(saved_package, "prometheus_client")
    assert done.stdout == "telemetry False\n", done.stderr


def test_with_it_a_missing_library_is_named(saved_package, port):
    done = load(saved_package, "prometheus_client")
    assert done.stderr.splitlines()[-1].startswith(
        f"ordinis_mlflow.errors.InvalidConfig: {PORT} is {port}, and prometheus_client is not "
    )


def test_a_port_that_is_taken_is_named(saved_package, small_model, port):
    counted(small_model)  # this process has it
    done = load(saved_package)
    last = done.stderr.splitlines()[-1]
    assert "ServingError: metrics cannot be offered" in last
    assert f"{LOOPBACK}:{port}" in last
    assert "in use" in last


def test_a_host_that_is_not_ones_own(small_model, port, monkeypatch):
    monkeypatch.setenv("ORDINIS_METRICS_HOST", "192.0.2.1")  # RFC 5737: nobody's
    with pytest.raises(ServingError, match=r"http://192\.0\.2\.1"):
        counted(small_model)


@pytest.mark.parametrize("value", ["0", "65536", "80a", "-1", " ", "８０", "9" * 5000])
def test_a_port_that_is_none(small_model, monkeypatch, value):
    monkeypatch.setenv(PORT, value)
    with pytest.raises(InvalidConfig, match=f"{PORT} must be a port"):
        counted(small_model)
