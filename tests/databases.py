"""Both kinds of database for tests: SQLite, and a PostgreSQL server of the session's own."""

import contextlib
import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa


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
