"""A ledger in both kinds of database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_entries import engine_of

from ordinis_mlflow.ledger import Ledger

HERE = Path(__file__).parent


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def ledger(engine):
    return Ledger(engine)


@pytest.fixture
def worker():
    """Run ledger_worker.py in a process of its own; its output."""

    def run(*arguments):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]),
        }
        command = [sys.executable, HERE / "ledger_worker.py", *map(str, arguments)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
