"""A ledger in both kinds of database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from ledger_entries import chain_in_memory, engine_of

from ordinis_mlflow.ledger import Ledger

HERE = Path(__file__).parent


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """SQLAlchemy URL of an empty database; in PostgreSQL a schema, which is made much faster."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.db'}"
    folder, user = request.getfixturevalue("postgres")
    url, schema = f"postgresql+psycopg://{user}@/postgres?host={folder}", f"s{os.urandom(8).hex()}"
    with engine_of(url).begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    return f"{url}&options=-csearch_path%3D{schema}"


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def ledger(engine):
    return Ledger(engine)


@pytest.fixture
def in_memory():
    """(ledger, engine) in SQLite's memory, for what no database has a part in."""
    raw, ledger = chain_in_memory([])
    yield ledger, ledger._engine
    raw.close()


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
