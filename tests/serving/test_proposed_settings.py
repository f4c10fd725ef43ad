"""A registered version is served as was proposed for this kind of machine, and else by default."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from own_proposals import CHUNKED, for_here, here, tag

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.flavor.manifest import verify_manifest
from ordinis_mlflow.flavor.proposed import propose
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.telemetry import ServingMetrics


class Loading:
    """A loader, and what its metrics say of sessions."""

    def __init__(self, **settings):
        self.metrics, self.pool = ServingMetrics(), ThreadPoolExecutor(1)
        self.loader = Loader(ServingSettings(**settings), self.pool, self.metrics)

    def settings(self, uri):
        return self.loader.load(uri, "champion").model.settings

    def fates(self):
        lines = self.metrics.render()[0].decode().splitlines()
        return [line for line in lines if line.startswith("ordinis_sessions_total{")]


@pytest.fixture
def loading():
    made = Loading()
    yield made
    made.pool.shutdown()


def told(fate):
    return [f'ordinis_sessions_total{{arm="champion",proposal="{fate}"}} 1.0']


@pytest.fixture
def version(shelf, saved_package):
    return shelf.add(saved_package)


def uri_of(shelf, version):
    return f"models:/{shelf.name}/{version}"


def test_as_proposed(loading, shelf, version, small_windows, small_model):
    propose(shelf.name, version, for_here())
    served = loading.loader.load(uri_of(shelf, version), "champion")
    assert served.model.settings == CHUNKED
    assert loading.fates() == told("used")
    # How a graph is run says nothing of what it answers.
    found, expected = served.model.predict(small_windows), small_model.predict(small_windows)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)
    verify_manifest(shelf._folder / "v1")  # the files are as they were


def test_a_later_proposal_replaces_the_one_before(loading, shelf, version):
    propose(shelf.name, version, for_here())
    propose(shelf.name, version, for_here(SessionSettings(chunk_size=16)))
    assert loading.settings(uri_of(shelf, version)).chunk_size == 16


def test_nothing_proposed(loading, shelf, version):
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()
    assert loading.fates() == told("none")


def test_a_folder_has_no_proposals(loading, saved_package):
    assert loading.settings(str(saved_package)) == SessionSettings()
    assert loading.fates() == told("none")


@pytest.mark.parametrize(
    "other", [{"processor": "another"}, {"cores": 77}, {"onnxruntime": "1.0"}, {"provider": "x"}]
)
def test_what_is_proposed_for_another_machine_is_not_for_this_one(loading, shelf, version, other):
    propose(shelf.name, version, for_here(machine=replace(here(), **other)))
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()
    assert loading.fates() == told("none")


def test_what_is_proposed_for_another_precision_is_not_for_this_one(loading, shelf, version):
    propose(shelf.name, version, for_here(precision="int8"))
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()


def test_who_wants_the_default_gets_it(shelf, version):
    propose(shelf.name, version, for_here())
    loading = Loading(session="default")
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()
    assert loading.fates() == []
    loading.pool.shutdown()


def test_a_loaded_model_is_run_as_proposed_unless_it_is_told_otherwise(shelf, version):
    propose(shelf.name, version, for_here())
    assert flavor.load_model(uri_of(shelf, version)).settings == CHUNKED
    told_otherwise = SessionSettings(threads=1)
    model = flavor.load_model(uri_of(shelf, version), settings=told_otherwise)
    assert model.settings == told_otherwise


def test_a_registry_that_does_not_answer_costs_the_proposal_alone(
    loading, shelf, version, monkeypatch, caplog
):
    propose(shelf.name, version, for_here())

    def silent(*_):
        raise ConnectionError("nobody\nthere")

    monkeypatch.setattr("ordinis_mlflow.flavor.proposed.proposed", silent)
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()
    assert loading.fates() == told("unanswered")
    (line,) = [each.getMessage() for each in caplog.records if "its proposal" in each.getMessage()]
    assert "ConnectionError: nobody there" in line


def test_a_word_that_is_neither_is_refused():
    with pytest.raises(InvalidConfig, match="session must be one of"):
        ServingSettings(session="fastest")


def test_a_proposal_that_cannot_run_here_leaves_the_default(loading, shelf, version, caplog):
    # Made for the machine that it names; the tag says it is for this one.
    elsewhere = replace(here(), provider="CUDAExecutionProvider")
    text = for_here(SessionSettings(cuda_chunk_size=512), machine=elsewhere).to_json()
    tag(shelf, version, text)
    assert loading.settings(uri_of(shelf, version)) == SessionSettings()
    assert loading.fates() == told("refused")
