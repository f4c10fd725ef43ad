"""What tests of the store share: a store of their own, and small parts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from revision_logs import store as store_in

from ordinis_mlflow.store import Catalogue, parts, write

SMALL_PARTS = 16
HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path):
    made = store_in(tmp_path)
    yield made
    made.catalogue.close()


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    """One store for the many examples of a property."""
    made = store_in(tmp_path_factory.mktemp("store"))
    yield made
    made.catalogue.close()


@pytest.fixture(scope="module")
def small_parts():
    """Parts of a few rows, so that a small log has several."""
    with pytest.MonkeyPatch.context() as patch:
        cut(patch, SMALL_PARTS)
        yield SMALL_PARTS


@pytest.fixture
def cut_parts(monkeypatch):
    """Set the rows of a part, for one test."""
    return lambda rows: cut(monkeypatch, rows)


def cut(patch, rows):
    for module in (parts, write):
        patch.setattr(module, "PART_ROWS", rows)


@pytest.fixture
def catalogue(database):
    made = Catalogue(database)
    yield made
    made.close()


@pytest.fixture(scope="session")
def worker():
    """Run store_worker.py in a process of its own; its output, or what it died of."""

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
        command = [sys.executable, HERE / "store_worker.py", *map(str, arguments)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
