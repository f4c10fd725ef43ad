"""Where exported graphs are kept."""

import os

import graph_models
import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_by_workers(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    graph_models.shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "graphs"
    graph_models.shared.mkdir(exist_ok=True)
