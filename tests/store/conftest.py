"""What tests of the store share: a store of their own, small parts, and both kinds of database."""

import contextlib
import getpass
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
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


@pytest.fixture(scope="session")
def postgres():
    """Socket folder and user of a PostgreSQL server of this session's own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip("PostgreSQL is not installed: no initdb in /usr/lib/postgresql or on the path")
    binaries = found[-1].parent if found else Path(on_path).parent
    folder, user = Path(tempfile.mkdtemp(prefix="ordinis-pg-")), getpass.getuser()
    if os.geteuid() == 0:  # the server refuses to run as root
        user = _unprivileged()
        shutil.chown(folder, user)
    try:
        _as(user, binaries / "initdb", "-D", folder / "data", "-A", "trust", "-U", user, "-N")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        log = ("-l", folder / "log")
        _as(user, binaries / "pg_ctl", "-D", folder / "data", *log, "-w", "-o", options, "start")
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    yield folder, user
    _as(user, binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def _unprivileged():
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _as(user, *command):
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        ids = (f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
        command = ("setpriv", *ids, *command)
    subprocess.run(list(map(str, command)), check=True, cwd="/", stdout=subprocess.DEVNULL)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """SQLAlchemy URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.db'}"
    folder, user = request.getfixturevalue("postgres")
    name = f"test_{os.urandom(8).hex()}"
    admin = sa.create_engine(f"postgresql+psycopg://{user}@/postgres?host={folder}")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"postgresql+psycopg://{user}@/{name}?host={folder}"


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
