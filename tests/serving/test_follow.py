"""The alias is followed, forward and back; what fails is not let in, said once, and tried again."""

import asyncio
import glob
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import mlflow
import numpy as np
import pytest
from shelf import changed, of_another

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import ManifestMismatch, ModelUnavailable
from ordinis_mlflow.serving.bell import Bell
from ordinis_mlflow.serving.follow import Follower
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.settings import Following, ServingSettings
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.telemetry import ServingMetrics

OFTEN = Following(reload_seconds=0.02, hint_seconds=0.01, longest_seconds=0.05)
RARELY = Following(reload_seconds=600.0, hint_seconds=0.01, longest_seconds=600.0)


class Watched:
    """A follower that runs, what it has put, and what it has counted."""

    def __init__(self, uri, settings, bell=None):
        self.metrics, self.put, self.bell = ServingMetrics(), [], bell or Bell()
        self._pool = ThreadPoolExecutor(1)
        loader = Loader(ServingSettings(), self._pool, self.metrics)
        source = Source("champion", uri)
        follower = (source, loader, self.put.append, settings, self.metrics, self.bell)
        self.follower = Follower(*follower)

    @asynccontextmanager
    async def running(self):
        await self.follower.start()
        try:
            yield self
        finally:
            await self.follower.stop()
            self._pool.shutdown()

    @property
    def labels(self):
        return [served.label.rpartition("/")[2] for served in self.put]

    def counted(self, start):
        """The value of the one line of the exposition that starts so; 0 without one."""
        lines = self.metrics.render()[0].decode().splitlines()
        found = [line for line in lines if line.startswith(start)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def failures(self, kind):
        return self.counted(f'ordinis_reload_failures_total{{arm="champion",kind="{kind}"}}')

    async def until(self, true, seconds=30.0):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, (self.labels, self.metrics.render()[0].decode())
            await asyncio.sleep(0.005)


def follow(uri, scenario, settings=OFTEN, bell=None):
    async def run():
        async with Watched(uri, settings, bell).running() as watched:
            await scenario(watched)
        return watched

    return asyncio.run(run())


@contextmanager
def nothing_left():
    """Neither threads nor folders."""
    before = threading.active_count(), set(glob.glob(f"{tempfile.gettempdir()}/ordinis-model-*"))
    yield
    time.sleep(0.1)
    names = [each.name for each in threading.enumerate() if each.name.startswith("follow-")]
    assert names == []
    assert set(glob.glob(f"{tempfile.gettempdir()}/ordinis-model-*")) == before[1]


def test_forward_and_back(shelf, saved_package, other_saved_package, small_windows):
    shelf.add(saved_package), shelf.add(other_saved_package)
    shelf.point("1")

    async def scenario(watched):
        assert watched.labels == ["1"]
        shelf.point("2")
        await watched.until(lambda: watched.labels == ["1", "2"])
        shelf.point("1")
        await watched.until(lambda: watched.labels == ["1", "2", "1"])

    with nothing_left():
        watched = follow(shelf.uri, scenario)
    assert watched.counted("ordinis_reload_failures_total") == 0
    for served, package in zip(watched.put, (saved_package, other_saved_package), strict=False):
        expected = flavor.load_model(str(package)).predict(small_windows)
        found = served.model.predict(small_windows)
        np.testing.assert_array_equal(found.mean, expected.mean)
    info = f'ordinis_model_info{{arm="champion",model="{shelf.name}",version='
    assert watched.counted(f'{info}"1"}}') == 1
    assert watched.counted(f'{info}"2"}}') == 0
    assert watched.counted("ordinis_reload_duration_seconds_count") == 3


@pytest.mark.parametrize("kind", ["manifest", "probe", "download"])
def test_a_version_that_fails_is_not_let_in(shelf, saved_package, other_saved_package, kind):
    change = {"manifest": changed, "probe": of_another(other_saved_package), "download": None}
    shelf.add(saved_package)
    if kind == "download":
        source = (shelf._folder / "nowhere").as_uri()
        shelf.client.create_model_version(shelf.name, source)
    else:
        shelf.add(saved_package, change[kind])
    shelf.add(other_saved_package)
    shelf.point("1")

    async def scenario(watched):
        shelf.point("2")
        await watched.until(lambda: watched.failures(kind) >= 2)  # it was tried again
        assert watched.labels == ["1"]
        shelf.point("3")
        await watched.until(lambda: watched.labels == ["1", "3"])

    with nothing_left():
        follow(shelf.uri, scenario)


def test_what_failed_waits_longer_each_time_but_not_for_another_version(
    shelf, saved_package, caplog
):
    shelf.add(saved_package), shelf.add(saved_package, changed), shelf.add(saved_package)
    shelf.point("1")
    settings = Following(reload_seconds=0.02, hint_seconds=0.01, longest_seconds=600.0)

    async def scenario(watched):
        shelf.point("2")
        await watched.until(lambda: watched.failures("manifest") == 5)
        shelf.point("3")
        await watched.until(lambda: watched.labels == ["1", "3"])

    follow(shelf.uri, scenario, settings)
    lines = [record.getMessage() for record in caplog.records if "not taken" in record.message]
    assert len(lines) == 5
    assert all("\n" not in line and "version 1 serves on" in line for line in lines)


def test_a_hint_is_looked_at_at_once_also_after_failures(shelf, saved_package):
    shelf.add(saved_package), shelf.add(saved_package, changed), shelf.add(saved_package)
    shelf.point("1")

    async def scenario(watched):
        shelf.point("2")
        for number in (1, 2):
            watched.bell.ring()
            await watched.until(lambda: watched.failures("manifest") == number)  # noqa: B023
        shelf.point("3")
        watched.bell.ring()
        await watched.until(lambda: watched.labels == ["1", "3"])

    follow(shelf.uri, scenario, RARELY)


def test_every_process_hears_the_bell_of_one(shelf, saved_package, tmp_path):
    shelf.add(saved_package), shelf.add(saved_package)
    shelf.point("1")
    file = tmp_path / "reload"

    async def scenario(watched):
        shelf.point("2")
        Bell(file).ring()
        await watched.until(lambda: watched.labels == ["1", "2"])

    follow(shelf.uri, scenario, RARELY, Bell(file))


def test_an_alias_that_is_taken_away_takes_nothing_from_clients(shelf, saved_package, caplog):
    shelf.add(saved_package), shelf.add(saved_package)
    shelf.point("1")

    async def scenario(watched):
        shelf.unpoint()
        await watched.until(lambda: watched.failures("alias") == 1)
        await asyncio.sleep(0.2)
        shelf.point("2")
        await watched.until(lambda: watched.labels == ["1", "2"])
        assert watched.failures("alias") == 1

    follow(shelf.uri, scenario)
    assert sum("nobody holds" in record.getMessage() for record in caplog.records) == 1


def test_a_registry_that_does_not_answer(shelf, saved_package, monkeypatch):
    shelf.add(saved_package), shelf.add(saved_package)
    shelf.point("1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = mlflow.get_registry_uri()

    async def scenario(watched):
        mlflow.set_registry_uri("http://127.0.0.1:9")
        try:
            await watched.until(lambda: watched.failures("registry") >= 2)
        finally:
            mlflow.set_registry_uri(before)
        shelf.point("2")
        await watched.until(lambda: watched.labels == ["1", "2"])

    follow(shelf.uri, scenario)


def test_what_nobody_expected_does_not_end_it(shelf, saved_package, monkeypatch):
    shelf.add(saved_package), shelf.add(saved_package)
    shelf.point("1")

    async def scenario(watched):
        with monkeypatch.context() as patched:
            patched.setattr(Loader, "load", lambda *_: 1 / 0)
            shelf.point("2")
            await watched.until(lambda: watched.failures("internal") >= 2)
        await watched.until(lambda: watched.labels == ["1", "2"])

    follow(shelf.uri, scenario)


class TestStart:
    @staticmethod
    async def nothing(watched):
        """No scenario."""

    def test_without_a_holder(self, shelf):
        with pytest.raises(ModelUnavailable, match=r"no version of '.*' holds the alias") as caught:
            follow(shelf.uri, self.nothing)
        assert "\n" not in str(caught.value)

    def test_without_a_model(self, tracking_store):
        with pytest.raises(ModelUnavailable, match="or the registry has no such model"):
            follow("models:/never-registered@champion", self.nothing)

    def test_with_a_version_that_must_not_be_served(self, shelf, saved_package):
        shelf.add(saved_package, changed)
        shelf.point("1")
        with pytest.raises(ManifestMismatch, match=r"scaler\.json was changed"):
            follow(shelf.uri, self.nothing)

    def test_without_a_registry(self, shelf, monkeypatch):
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        before = mlflow.get_registry_uri()
        mlflow.set_registry_uri("http://127.0.0.1:9")
        try:
            with pytest.raises(ModelUnavailable, match=f"who is {shelf.name}@champion") as caught:
                follow(shelf.uri, self.nothing)
        finally:
            mlflow.set_registry_uri(before)
        assert "\n" not in str(caught.value)

    def test_one_version_is_not_followed(self, shelf, saved_package):
        shelf.add(saved_package)
        watched = follow(f"models:/{shelf.name}/1", self.nothing)
        assert watched.follower._thread is None
        assert watched.labels == ["1"]
