"""From a promotion on a gated server to the answers of ours: at once, and under load without a gap.

Every answer is checked against the version that it names.
"""

import contextlib
import json
import shutil
import threading
import time
import warnings

import mlflow
import numpy as np
import pytest
from shelf import of_another
from signal_server import serving
from tracking_server import free_port, running

from flows.gated import Server
from ordinis_mlflow import flavor
from ordinis_mlflow.serving.settings import Following, ServingSettings

SECRET = "known to both servers"
KEY = "a long key that only the head of risk knows"
POLICY = """
aliases = {{ champion = "Production" }}
[models."*".Production]
manifest = {{}}
probe = {{}}
[models."*".Staging]
manifest = {{}}
[reactions.reload]
url = "http://127.0.0.1:{port}/ordinis/reload"
secret_env = "ORDINIS_RELOAD_SECRET"
models = "desk*"
"""
BY_HINT = Following(reload_seconds=600.0, longest_seconds=600.0)
SECONDS = 30.0
"""Far from the ten minutes after which the registry would be asked without a hint."""
CLIENTS = 4


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def registry(tmp_path_factory, port):
    """A gated tracking server that tells our server, and this process as its client."""
    folder = tmp_path_factory.mktemp("gated")
    (folder / "policy.toml").write_text(POLICY.format(port=port))
    environment = {"ORDINIS_POLICY": str(folder / "policy.toml"), "ORDINIS_RELOAD_SECRET": SECRET}
    environment["ORDINIS_BREAK_GLASS_KEY"] = KEY
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with running(folder / "server", registry="ordinis+", **environment) as started:
        mlflow.set_tracking_uri(started.url)
        mlflow.set_registry_uri(started.url)
        yield started
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])


@pytest.fixture(scope="module")
def registered(registry, saved_package, other_saved_package, tmp_path_factory):
    """Versions 1 and 2 of the model ``desk``, and 3, whose probe is that of another."""
    folder = tmp_path_factory.mktemp("third") / "model"
    shutil.copytree(saved_package, folder)
    of_another(other_saved_package)(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        client = mlflow.MlflowClient()
        client.create_registered_model("desk")
        experiment = client.create_experiment("desk")
        for package in (saved_package, other_saved_package, folder):
            run = client.create_run(experiment)
            client.log_artifacts(run.info.run_id, str(package), "model")
            source = f"{run.info.artifact_uri}/model"
            client.create_model_version("desk", source, run.info.run_id)
    return Server(registry.url)


@pytest.fixture
def served(registry, registered, port):
    registered.promote("desk", "1", "Production", "the first", "")
    settings = ServingSettings(model="models:/desk@champion", following=BY_HINT)
    environment = {"MLFLOW_TRACKING_URI": registry.url, "ORDINIS_RELOAD_SECRET": SECRET}
    with serving(settings, port, **environment) as server:
        yield server


class Load:
    """Clients that ask until the block ends, and check each answer by the version it names.

    Args:
        server: is asked.
        expected: label to the answers of one window after the other.
    """

    def __init__(self, server, windows, expected):
        self._server, self._bodies, self._expected = server, windows, expected
        self.wrong, self.seen, self.answers = [], {}, 0
        self._end, self._lock = threading.Event(), threading.Lock()

    def __enter__(self):
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for each in self._threads:
            each.join()

    def first(self, label):
        """When it was first answered by."""
        end = time.monotonic() + SECONDS
        while label not in self.seen:
            assert time.monotonic() < end, (self.seen, self._server.log.read_text())
            time.sleep(0.005)
        return self.seen[label]

    def forget(self):
        with self._lock:
            self.seen = {}

    def _ask(self, number):
        with self._server.connection() as connection:
            while not self._end.is_set():
                number = (number + 1) % len(self._bodies)
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/invocations", self._bodies[number], headers)
                answer = connection.getresponse()
                self._check(number, answer, answer.read())

    def _check(self, number, answer, body):
        label = answer.headers["X-Ordinis-Model"]
        with self._lock:
            self.answers += 1
            self.seen.setdefault(label, time.monotonic())
            if answer.status != 200:
                self.wrong.append((answer.status, body))
                return
        (found,) = json.loads(body)["predictions"]
        if found["mean"] != pytest.approx(self._expected[label][number], rel=1e-6, abs=1e-12):
            self.wrong.append((label, number, found))


@pytest.fixture
def load(served, saved_package, other_saved_package, small_windows):
    bodies = [json.dumps({"inputs": {"bars": [w.tolist()]}}).encode() for w in small_windows]
    means = [
        flavor.load_model(str(each)).predict(small_windows).mean
        for each in (saved_package, other_saved_package)
    ]
    assert not np.isclose(*means).any(), "the two models must be told apart by every answer"
    with Load(served, bodies, {"desk/1": means[0], "desk/2": means[1]}) as started:
        yield started


def reload_failures(served, kind):
    text = served.ask("GET", "/metrics").text
    line = f'ordinis_reload_failures_total{{arm="champion",kind="{kind}"}} '
    return sum(float(each.removeprefix(line)) for each in text.splitlines() if line in each)


def test_promoted_rolled_back_and_refused_under_load(load, served, registered):
    load.first("desk/1")
    registered.promote("desk", "2", "Production", "better", "")
    load.first("desk/2")

    load.forget()
    load.first("desk/2")
    registered.rollback("desk", "1", "it lost money", "Production")
    load.first("desk/1")

    # Past the gates, which had refused it.
    registered.promote("desk", "3", "Production", "an emergency", KEY)
    end = time.monotonic() + SECONDS
    while not reload_failures(served, "probe"):
        assert time.monotonic() < end, served.log.read_text()
        time.sleep(0.02)
    load.forget()
    load.first("desk/1")
    assert "desk/3" not in load.seen

    registered.promote("desk", "2", "Production", "better after all", "")
    load.first("desk/2")
    assert load.wrong == []
    assert load.answers > 100
    log = served.log.read_text()
    assert "version 1 serves on" in log
    assert SECRET not in log
    assert "Traceback" not in log


def test_a_start_that_cannot_be_is_one_line(registry, registered, port):
    settings = ServingSettings(model="models:/never@champion")
    environment = {"MLFLOW_TRACKING_URI": registry.url}
    with pytest.raises(AssertionError) as caught, contextlib.ExitStack() as stack:
        stack.enter_context(serving(settings, **environment))
    said = [line for line in str(caught.value).splitlines() if "cannot be served" in line]
    assert len(said) == 1
    assert "Traceback" not in str(caught.value)
