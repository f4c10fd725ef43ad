"""compose.yaml names only what there is, pins what it runs, and has no password."""

import re
import subprocess
import tomllib

import pytest
import yaml
from container_files import (
    COMPOSE,
    DOCKER,
    DOCKERFILES,
    EXAMPLE,
    ROOT,
    SERVICES,
    VARIABLE,
    instructions,
    one,
)

from ordinis_mlflow.command_line import parse
from ordinis_mlflow.promotion import installed_gates, read_policy
from ordinis_mlflow.serving.command import OPTIONS
from ordinis_mlflow.serving.hints import PATH as RELOAD_PATH
from ordinis_mlflow.serving.hints import VARIABLE as RELOAD_SECRET

TEXT = (DOCKER / "compose.yaml").read_text()
SECRETS = {name for name in EXAMPLE if re.search("PASSWORD|SECRET|KEY", name)}
each_service = pytest.mark.parametrize("name", SERVICES)


def mounts():
    """(source, target) of every mount."""
    return [each.split(":")[:2] for one in SERVICES.values() for each in one.get("volumes", ())]


@each_service
def test_images_are_pinned(name):
    image = SERVICES[name]["image"]
    own = re.fullmatch(r"ordinis-(\w+):\$\{ORDINIS_VERSION:\?\}", image)
    assert own or re.fullmatch(r"[\w/-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", image)
    if own:
        assert f"{own[1]}.Dockerfile" in [path.name for path in DOCKERFILES]


def test_our_images_are_built_here():
    for path in DOCKERFILES:
        build = SERVICES[path.stem]["build"]
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert ROOT / build["dockerfile"] == path


def test_every_variable_is_in_the_example_and_the_other_way_round():
    assert {found[0] for found in VARIABLE.findall(TEXT)} == set(EXAMPLE)


def test_nothing_starts_with_a_variable_that_is_missing_or_empty():
    assert {how for _, how in VARIABLE.findall(TEXT)} == {":?"}


def test_no_secret_has_a_default():
    assert len(SECRETS) == 8
    assert {EXAMPLE[name] for name in SECRETS} == {""}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|_KEY", name):
                assert VARIABLE.fullmatch(value), name


def test_the_filled_in_file_is_ignored_by_git():
    done = subprocess.run(["git", "check-ignore", "-q", "docker/.env"], cwd=ROOT)
    assert done.returncode in (0, 128)  # 128: this is no checkout


def test_mounted_files_exist_and_volumes_are_declared():
    named = {source for source, _ in mounts() if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    for source, _ in mounts():
        assert source in named or (DOCKER / source).exists(), source


@each_service
def test_who_is_waited_for_can_be_seen_to_be_ready(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "on-failure"
        else:
            assert how["condition"] == "service_healthy"
            own = DOCKER / f"{other}.Dockerfile"
            assert "healthcheck" in SERVICES[other] or one(instructions(own)[-1], "HEALTHCHECK")


@each_service
def test_nothing_is_reached_from_another_machine(name):
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["tracking", "serving", "bucket"])
def test_ours_write_nowhere_and_gain_nothing(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_model_servers_command_is_understood():
    entry = one(instructions(DOCKER / "serving.Dockerfile")[-1], "ENTRYPOINT").listed
    assert entry[:3] == ["python", "-m", "ordinis_mlflow.serving"]
    settings, listening = parse(entry[3:] + SERVICES["serving"]["command"], *OPTIONS)
    assert listening.host == "0.0.0.0"
    assert SERVICES["serving"]["ports"] == [f"127.0.0.1:{listening.port}:{listening.port}"]
    assert settings.access.open_metrics  # Prometheus has no key
    grace = float(SERVICES["serving"]["stop_grace_period"].removesuffix("s"))
    assert grace > listening.drain_seconds
    writable = [target for source, target in mounts() if source in ("predictions", "drift")]
    for place in (settings.prediction_log.log_folder, settings.drift_scores):
        assert any(str(place).startswith(target) for target in writable), place


def test_the_policy_is_the_built_in_one_and_tells_the_model_server():
    policy = tomllib.loads((DOCKER / "policy.toml").read_text())
    built_in = tomllib.loads((ROOT / "ordinis_mlflow/promotion/policy.toml").read_text())
    (reload,) = policy.pop("reactions").values()
    assert policy == built_in
    assert reload["url"] == f"http://serving:5001{RELOAD_PATH}"
    assert reload["secret_env"] == RELOAD_SECRET
    tracking, serving = (SERVICES[name]["environment"] for name in ("tracking", "serving"))
    assert tracking[RELOAD_SECRET] == serving[RELOAD_SECRET]
    assert [tracking["ORDINIS_POLICY"], "./policy.toml"] in [
        [target, source] for source, target in mounts()
    ]
    read_policy(DOCKER / "policy.toml", installed_gates())


def test_grafana_finds_its_source_and_its_dashboard():
    (source,) = yaml.safe_load((DOCKER / "grafana/datasource.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((DOCKER / "grafana/dashboards.yaml").read_text())["providers"]
    targets = dict(mounts())
    shown = targets["./grafana/ml_health.json"]
    assert shown.startswith(provider["options"]["path"])
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == shown
    assert source["url"] == "http://prometheus:9090"
    assert targets["./prometheus"] == "/etc/prometheus"
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]
