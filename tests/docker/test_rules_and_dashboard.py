"""Alert rules and dashboard speak of metrics that exist, agree on limits, and say where help is."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from container_files import DOCKER, ROOT

from ordinis_mlflow.telemetry.names import DEFINITIONS

GROUPS = yaml.safe_load((DOCKER / "prometheus/rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
DASHBOARD = json.loads((DOCKER / "grafana/ml_health.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
QUERIES = [target["expr"] for panel in PANELS.values() for target in panel["targets"]]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
each_alert = pytest.mark.parametrize("name", ALERTS)


def promtool(*arguments):
    program = shutil.which("promtool")
    if not program:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    done = subprocess.run(
        [program, *arguments], cwd=DOCKER / "prometheus", capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def limit(name):
    return float(re.search(r"> ([\d.]+)$", ALERTS[name]["expr"])[1])


def drawn(title):
    (red,) = (
        step["value"]
        for step in PANELS[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if step["color"] == "red"
    )
    return red


def test_promtool_understands_them():
    assert promtool("check", "config", "prometheus.yml")[0] == 0


def test_every_alert_fires_when_it_has_to_and_only_then():
    status, said = promtool("test", "rules", "rules_test.yml")
    assert status == 0, said


@each_alert
def test_every_alert_is_tested_both_ways(name):
    """Firing, and not."""
    tests = yaml.safe_load((DOCKER / "prometheus/rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]
    assert {bool(case.get("exp_alerts")) for case in cases if case["alertname"] == name} == {
        True,
        False,
    }


@each_alert
def test_every_alert_says_how_bad_it_is_and_where_help_is(name):
    alert = ALERTS[name]
    assert alert["for"]
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert f"\n### {name}\n" in OPERATIONS


def test_no_help_is_left_of_an_alert_that_is_gone():
    assert set(re.findall(r"^### (Ordinis\w+)$", OPERATIONS, flags=re.M)) == set(ALERTS)


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_queries_are_of_metrics_that_exist(query):
    known = {each.name for each in DEFINITIONS} | set(RECORDED)
    for each in DEFINITIONS:
        if each.kind == "histogram":
            known |= {f"{each.name}_{end}" for end in ("bucket", "sum", "count")}
    assert set(re.findall(r"\bordinis[_:][\w:]+", query)) <= known


def test_every_metric_of_requests_versions_and_drift_is_watched():
    """So that a new one is given a place, or left out by a decision here."""
    left_out = {
        "ordinis_model_fitted_timestamp_seconds",
        "ordinis_model_loaded_timestamp_seconds",
        "ordinis_model_loaded_age_seconds",
        "ordinis_sessions_total",  # said once a load, and in the log
    }
    watched = " ".join([*QUERIES, *(rule["expr"] for rule in RULES)])
    unseen = {each.name for each in DEFINITIONS if each.name not in watched}
    assert unseen == left_out


def test_limits_of_alerts_policy_and_dashboard_agree():
    policy = tomllib.loads((DOCKER / "policy.toml").read_text())
    assert limit("OrdinisModelOld") == policy["models"]["*"]["Production"]["age"]["days"] * 86_400
    assert drawn("Model age") == limit("OrdinisModelOld")
    assert drawn("Latency") == limit("OrdinisSlow")
    assert drawn("Since the monitor's last look") == limit("OrdinisDriftUnknown")


def test_the_dashboard_is_that_of_the_table(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCKER / "grafana"), *sys.path])
    made = runpy.run_path(str(DOCKER / "grafana/dashboard.py"))["dashboard"]()
    monkeypatch.delitem(sys.modules, "ml_health_panels")
    assert made == DASHBOARD, "run python docker/grafana/dashboard.py"


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_panel_has_the_provisioned_source():
    (source,) = yaml.safe_load((DOCKER / "grafana/datasource.yaml").read_text())["datasources"]
    for panel in PANELS.values():
        for asks in (panel, *panel["targets"]):
            assert asks["datasource"] == {"type": source["type"], "uid": source["uid"]}
