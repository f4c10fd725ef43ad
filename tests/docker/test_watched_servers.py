"""Every query of rules and dashboard, asked of a real Prometheus that watches real servers.

Two servers live through all that there is to see: load, bad requests, a full queue, a reload, one
that fails, drift, a log that cannot be written, a shadow, a split; a third one is not there.
"""

import itertools
import json
import math
import threading
import time
from contextlib import ExitStack, contextmanager

import pandas as pd
import pytest
import requests
import yaml
from command_server import command_server
from container_files import DOCKER
from prometheus_server import prometheus
from shelf import Shelf, changed
from tracking_server import free_port

from ordinis_mlflow.telemetry import ColumnDrift, DriftScores

SCRAPE_SECONDS = 0.5
PATIENCE_SECONDS = 40
RATE_INTERVAL = "30s"
VERSION = 'ordinis_model_info{arm="champion", version="%s"}'
QUEUE_WINDOWS = 16
JSON = {"Content-Type": "application/json"}
GROUPS = yaml.safe_load((DOCKER / "prometheus/rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PROVOKED = {
    "OrdinisDown", "OrdinisFailing", "OrdinisQueueFull", "OrdinisReloadFailed", "OrdinisModelOld",
    "OrdinisDrift", "OrdinisPredictionsLost",
}  # fmt: skip
QUIET = {"OrdinisIdle", "OrdinisDriftUnknown"}


def queries():
    """What the dashboard asks, and what the rules record."""
    dashboard = json.loads((DOCKER / "grafana/ml_health.json").read_text())
    asked = [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]
    recorded = [rule["expr"] for rule in RULES if "record" in rule]
    return sorted({query.replace("$__rate_interval", RATE_INTERVAL) for query in asked + recorded})


def until(true):
    """Wait for what has to happen; what is still missing is returned by ``true`` itself."""
    end = time.monotonic() + PATIENCE_SECONDS
    while missing := true():
        assert time.monotonic() < end, missing
        time.sleep(0.25)


@contextmanager
def load(servers, windows):
    """Requests to all of them, good and bad, until the end of the block."""
    bodies = [windows[:1].tolist(), windows[:3].tolist(), windows[: QUEUE_WINDOWS + 1].tolist()]
    sent = [*(json.dumps({"inputs": body}).encode() for body in bodies), b"{"]
    over = threading.Event()

    def ask():
        with requests.Session() as session:
            while not over.wait(0.01):
                for server, body in itertools.product(servers, sent):
                    session.post(f"{server.url}/invocations", data=body, headers=JSON)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def shelf(saved_package, tracking_store, tmp_path_factory):
    shelf = Shelf("watched_servers", tmp_path_factory.mktemp("shelf"))
    for change in (None, None, changed):
        shelf.add(saved_package, change)
    shelf.point("1")
    shelf.point("1", "challenger")
    return shelf


@pytest.fixture(scope="module")
def watching(shelf, small_windows, tmp_path_factory):
    """Prometheus, after all of it has happened, and while requests still come."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "in the way").write_text("")
    drift = folder / "scores.json"
    column = ColumnDrift("return_1", 0.25, 0.1)
    DriftScores("watched_servers", "1", pd.Timestamp.now(tz="UTC"), (column,), True).write(drift)
    common = ("--reload_seconds", 0.2, "--queue_windows", QUEUE_WINDOWS, "--log_flush_seconds", 0.2)
    with ExitStack() as stack:
        shadowed = stack.enter_context(
            command_server(
                shelf.uri, *common, "--challenger", "models:/watched_servers@challenger",
                "--mode", "shadow", "--shadow_windows", 1, "--log_folder", folder / "log",
                "--drift_scores", drift,
            )
        )  # fmt: skip
        split = stack.enter_context(
            command_server(
                shelf.uri, *common, "--challenger", "models:/watched_servers@nobody",
                "--mode", "split", "--share", 1.0, "--log_folder", folder / "in the way",
                "--log_buffer_bytes", 1,
            )
        )  # fmt: skip
        targets = [f"127.0.0.1:{port}" for port in (shadowed.port, split.port, free_port())]
        watcher = stack.enter_context(prometheus(folder, targets, SCRAPE_SECONDS))
        stack.enter_context(load([shadowed, split], small_windows))
        for version in "12":
            shelf.point(version)
            until(lambda serves=VERSION % version: not watcher.values(serves))
        shelf.point("3")
        yield watcher


def test_every_query_returns_data(watching):
    waiting = set(queries())

    def missing():
        found = {query for query in waiting if any(map(math.isfinite, watching.values(query)))}
        waiting.difference_update(found)
        return waiting

    until(missing)


def test_every_rule_can_be_evaluated(watching):
    for name, rule in watching.rules().items():
        assert rule["health"] == "ok", (name, rule.get("lastError"))


def test_what_happened_raises_alerts_and_nothing_else_does(watching):
    """They are pending: what they wait for takes minutes, and is left to promtool's tests."""
    until(lambda: {name for name in PROVOKED if watching.rules()[name]["state"] == "inactive"})
    rules = watching.rules()
    assert {name for name in QUIET if rules[name]["state"] != "inactive"} == set()
    alerts = {rule["alert"] for rule in RULES if "alert" in rule}
    assert alerts == PROVOKED | QUIET | {"OrdinisSlow"}  # which depends on the machine


def test_the_timeline_has_the_version_before_and_the_one_after(watching):
    until(lambda: watching.values(VERSION % 1))
    seen = {n for n in (1, 2, 3) if watching.values(f"count_over_time({VERSION % n}[1h])")}
    assert seen == {1, 2}  # the third was refused
