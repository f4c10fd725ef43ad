"""What tests of serving share: the interpreter's programs, and a second model that says others."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from shelf import Shelf


@pytest.fixture(scope="session")
def programs():
    """PATH with the interpreter's programs first, as in an activated environment."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def other_saved_package(small_training, small_run, tmp_path_factory):
    """As ``saved_package``, of a network that began with other weights."""
    from flows.export import BarWindows, build_package
    from flows.train import train_network
    from ordinis_mlflow import flavor
    from ordinis_mlflow.tracking import tracked_run

    training = replace(small_training, config=replace(small_training.config, seed=8))
    with tracked_run({}, {"ordinis.entry_point": "train"}):
        checkpoint = training.checkpoint(train_network(training, None))
        package = build_package(training, checkpoint, BarWindows(training))
    folder = tmp_path_factory.mktemp("saved-too") / "model"
    flavor.save_model(package, folder)
    return folder


@pytest.fixture
def shelf(tracking_store, tmp_path, request):
    """An empty registered model, named after the test."""
    return Shelf(request.node.name.replace("/", "-").replace(":", "-")[:80], tmp_path)
