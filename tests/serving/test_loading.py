"""What is served is named after where it comes from, and nothing of it stays on the disk."""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig, ModelUnavailable
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.telemetry import ServingMetrics


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """One that has a temporary folder of its own, which is empty afterwards."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with ThreadPoolExecutor(1) as pool:
        yield Loader(ServingSettings(), pool, ServingMetrics())
    assert list(scratch.iterdir()) == []


def digest(folder):
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()[:12]


def test_a_registered_version(loader, shelf, saved_package):
    version = shelf.add(saved_package)
    served = loader.load(f"models:/{shelf.name}/{version}", "champion")
    assert (served.arm, served.label) == ("champion", f"{shelf.name}/1")
    # MLflow writes whose version it is beside what it downloads, and that was not the original.
    assert not (shelf._folder / "v1" / "registered_model_meta").exists()


def test_a_folder_and_its_uri(loader, saved_package, tmp_path):
    folder = shutil.copytree(saved_package, tmp_path / "sp500")
    for uri in (str(folder), f"{folder}/", folder.as_uri()):
        assert loader.load(uri, "champion").label == f"sp500/{digest(folder)}"
    assert folder.exists()


def test_a_run_and_a_logged_model(loader, small_package, tracking_store):
    with mlflow.start_run(run_name="the ninth") as run:
        info = flavor.log_model(small_package, "net")
    served = loader.load(f"runs:/{run.info.run_id}/net", "champion")
    assert served.name == "the ninth"
    assert len(served.version) == 12
    again = loader.load(info.model_uri, "champion")
    assert again.label == f"{info.model_id}/{served.version}"


@pytest.mark.parametrize("uri", ["models:/nobody/1", "runs:/0/model", "nowhere", "x://y", ""])
def test_what_cannot_be_had_is_said_in_a_line(loader, tracking_store, uri):
    with pytest.raises(ModelUnavailable, match="MLflow was asked for") as caught:
        loader.load(uri, "champion")
    assert "\n" not in str(caught.value)


def test_a_precision_that_the_package_has_not(saved_package):
    with ThreadPoolExecutor(1) as pool:
        loader = Loader(ServingSettings(precision="fp16"), pool, ServingMetrics())
        with pytest.raises(InvalidConfig, match="no 'fp16' graph"):
            loader.load(str(saved_package), "champion")
