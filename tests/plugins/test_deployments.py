"""``mlflow deployments -t ordinis``: servers that outlive the command, by MLflow's own CLI."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import psutil
import pytest
import requests
from click.testing import CliRunner
from mlflow.deployments import get_deploy_client, run_local
from mlflow.exceptions import MlflowException

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.deployed import Deployments


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("deployments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDINIS_DEPLOYMENTS", str(path))
        yield path
        for each in Deployments(path).all():
            Deployments(path).delete(each.name)


@pytest.fixture(scope="module")
def client(folder):
    return get_deploy_client("ordinis")


@pytest.fixture(scope="module")
def desk(client, folder, saved_package):
    """A deployment that is there for all tests."""
    client.create_deployment("desk", str(saved_package), config={"batch_windows": "8"})
    return Deployments(folder).get("desk")


def process(*arguments):
    command = [sys.executable, "-m", "mlflow", "deployments", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cli(*arguments):
    """The same command in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, which a command only prints
        from mlflow.cli import cli as mlflows

        done = CliRunner().invoke(mlflows, ["deployments", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def ended(pid):
    """Nobody may have asked yet how it ended, if its parent has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_by_the_command_line(folder, saved_package, small_frame, small_model, small_bars, tmp_path):
    target = ("-t", "ordinis", "--name", "cli")
    bars, signals = tmp_path / "bars.json", tmp_path / "signals.json"
    small_frame.to_json(bars, orient="records", date_format="iso")
    assert "cli is created" in process("create", *target, "-m", saved_package, "-C", "workers=2")
    cli("predict", *target, "-I", bars, "-O", signals)
    answered = pd.DataFrame(json.loads(signals.read_text())["predictions"]).set_index("symbol")
    expected = small_model.signal(small_bars).set_index("symbol")
    for name in ("mean", "scale", "probability_up", "strength"):
        np.testing.assert_allclose(answered[name], expected[name], rtol=1e-5)
    assert "'name': 'cli'" in cli("list", "-t", "ordinis")
    assert "running: True" in cli("get", *target)
    pid = Deployments(folder).get("cli").pid
    assert "cli is deleted" in cli("delete", *target)
    assert ended(pid)
    assert "'cli'" not in cli("list", "-t", "ordinis")


def test_help_names_every_command():
    said = cli("help", "-t", "ordinis")
    for word in ("create", "predict", "update", "delete", "run-local", "ORDINIS_DEPLOYMENTS"):
        assert word in said


def test_windows_are_answered(client, desk, small_windows, small_model):
    answered = client.predict("desk", small_windows[:3])
    expected = small_model.predict(small_windows[:3]).records()
    for one, other in zip(answered["predictions"], expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_bars_that_break_a_rule(client, desk, small_frame):
    broken = small_frame.assign(close=-1.0)
    with pytest.raises(MlflowException, match="close") as error:
        client.predict("desk", broken)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_what_is_known(client, desk, saved_package):
    assert client.get_deployment("desk") == {
        "name": "desk",
        "flavor": "ordinis",
        "model_uri": str(saved_package),
        "url": desk.url,
        "running": True,
        "config": {"batch_windows": "8"},
    }
    assert client.get_deployment("desk") in client.list_deployments()


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("desk", {}, "there is a deployment 'desk'"),
        ("../desk", {}, "a deployment's name"),
        ("", {}, "a deployment's name"),
        (".desk", {}, "a deployment's name"),
        ("new", {"colour": "red"}, r"config may hold .*'colour'"),
        ("new", {"model": "other"}, "config may hold"),
        ("new", {"reuse_port": "true"}, "config may hold"),
    ],
)
def test_what_is_refused(client, desk, saved_package, name, config, reason):
    with pytest.raises(MlflowException, match=reason) as error:
        client.create_deployment(name, str(saved_package), config=config)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert [each["name"] for each in client.list_deployments()] == ["desk"]


def test_a_port_of_another_deployment(client, desk, saved_package):
    """Both may bind it, as an update needs; each would get some of the other's requests."""
    with pytest.raises(MlflowException, match=f"'desk' listens on port {desk.port}"):
        client.create_deployment("new", str(saved_package), config={"port": desk.port})


def test_a_server_that_does_not_come_up_leaves_nothing(client, desk, tmp_path, folder):
    with pytest.raises(MlflowException, match="missing"):
        client.create_deployment("new", str(tmp_path / "missing"))
    assert not (folder / "new").exists()


def test_an_update_that_fails_changes_nothing(client, desk, folder, tmp_path, small_windows):
    with pytest.raises(MlflowException, match="missing"):
        client.update_deployment("desk", str(tmp_path / "missing"))
    assert Deployments(folder).get("desk") == desk
    assert len(client.predict("desk", small_windows[:1])["predictions"]) == 1


def test_one_client_at_a_time_changes_a_name(client, desk, folder):
    with (folder / ".desk.changing").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(MlflowException, match="another client changes 'desk'"):
            client.delete_deployment("desk")
    assert client.get_deployment("desk")["running"]


def test_a_state_that_cannot_be_read(client, folder):
    (folder / "damaged").mkdir()
    (folder / "damaged" / "state.json").write_text('{"name": "damaged"}')
    with pytest.raises(MlflowException, match=r"state\.json cannot be read"):
        client.get_deployment("damaged")
    (folder / "damaged" / "state.json").unlink()
    client.delete_deployment("damaged")
    assert not (folder / "damaged").exists()


def test_deletion_is_repeatable(client):
    client.delete_deployment("never")
    with pytest.raises(MlflowException, match="there is no deployment 'never'"):
        client.get_deployment("never")


def test_an_update_takes_over_on_the_same_port(client, desk, folder, saved_package):
    answered = client.update_deployment("desk", str(saved_package), config={"windows": "2"})
    assert answered["url"] == desk.url
    assert answered["config"] == {"batch_windows": "8", "windows": "2"}
    assert Deployments(folder).get("desk").pid != desk.pid
    assert ended(desk.pid)
    assert requests.get(f"{desk.url}/ping", timeout=30).status_code == 200


def test_a_process_that_died_and_whose_number_another_has(client, folder, small_windows):
    """The other is left alone; the deployment is known not to run, and can be deleted."""
    died = Deployments(folder).get("desk")
    os.killpg(died.pid, signal.SIGKILL)
    os.waitpid(died.pid, 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        state = folder / "desk" / "state.json"
        state.write_text(state.read_text().replace(f'"pid": {died.pid}', f'"pid": {other.pid}'))
        assert not client.get_deployment("desk")["running"]
        with pytest.raises(MlflowException, match="does not run"):
            client.predict("desk", small_windows[:1])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "waitpid", lambda *_: (0, 0))  # it is a child of this test
            client.delete_deployment("desk")
        assert other.poll() is None
        other.communicate(b"\n")
    assert client.list_deployments() == []


def test_run_local_serves_in_this_process(saved_package):
    with pytest.raises(MlflowException, match="workers must be 1 or more") as error:
        run_local("ordinis", "here", str(saved_package), config={"workers": "0"})
    assert isinstance(error.value.__cause__, InvalidConfig)
