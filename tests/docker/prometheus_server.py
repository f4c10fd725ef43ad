"""Prometheus as a process of a test's own, with the rules of docker/prometheus."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from container_files import DOCKER
from tracking_server import free_port

READY_SECONDS = 30


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    port: int

    def _ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def values(self, expression):
        """What it says now: a number for each series."""
        found = self._ask("query", query=expression)["result"]
        return [float(each["value"][1]) for each in found]

    def rules(self):
        """Every rule by its name."""
        groups = self._ask("rules")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}


@contextlib.contextmanager
def prometheus(folder, targets, seconds):
    """A server until the end of the block: that of compose.yaml, with other targets, and faster."""
    program = shutil.which("prometheus")
    if not program:
        pytest.skip("prometheus is not installed (Debian's package of that name)")
    config = _config(folder, targets, seconds)
    port = free_port()
    command = [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    log = folder / "prometheus.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _wait(port, process, log)
            yield Prometheus(port)
        finally:
            process.terminate()
            process.wait(30)


def _config(folder, targets, seconds):
    settings = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())
    every = f"{round(seconds * 1000)}ms"
    settings["global"] = dict.fromkeys(settings["global"], every)
    settings["global"]["scrape_timeout"] = every
    settings["rule_files"] = [str(DOCKER / "prometheus" / name) for name in settings["rule_files"]]
    (job,) = settings["scrape_configs"]
    job["static_configs"] = [{"targets": targets}]
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(settings))
    return config


def _wait(port, process, log: Path):
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
