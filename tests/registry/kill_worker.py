"""Promote in child processes that are killed before their n-th statement, one after another.

Prints, for each of them, what stood in the database and in the ledger afterwards.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import sqlalchemy as sa

from ordinis_mlflow.plugins.registry_store import build
from ordinis_mlflow.registry.promotions import Promotions


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(engine, step):
    """Be killed before the n-th statement after the gates, or before or after the commit."""
    seen = 0

    def count(*_):
        nonlocal seen
        seen += 1
        if seen == step:
            die()

    sa.event.listen(engine, "before_cursor_execute", count)
    sa.event.listen(engine, "commit", count)


def promote(database, step):
    """In a child: promote version 2, killed at a step; returns only if the step never came."""
    store = build(f"ordinis+sqlite:///{database}", f"sqlite:///{database}")
    enter = Promotions._enter

    def entering(self, *arguments):
        kill_at(store.engine, step)
        enter(self, *arguments)

    Promotions._enter = entering
    store.transition_model_version_stage("m", 2, "Production", True)


def child(database, step):
    number = os.fork()
    if number == 0:
        with contextlib.suppress(Exception):
            promote(database, step)
            os._exit(0)
        os._exit(1)
    return os.waitpid(number, 0)[1]


def seen(database):
    """Stages, aliases, decisions and the mirror, past every store."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        ask = connection.execute
        return {
            "stages": ask("SELECT version, current_stage FROM model_versions").fetchall(),
            "aliases": ask("SELECT alias, version FROM registered_model_aliases").fetchall(),
            "decisions": ask("SELECT action, version FROM ordinis_decisions").fetchall(),
            "outbox": ask("SELECT reaction, decision FROM ordinis_outbox").fetchall(),
            "mirrored": ask("SELECT DISTINCT version FROM model_version_tags").fetchall(),
        }


def warm(database):
    """Load here what a promotion loads, so that children need not."""
    store = build(f"ordinis+sqlite:///{database}", f"sqlite:///{database}")
    store.transition_model_version_stage("m", 2, "Production", True)
    store.engine.dispose()
    type(store)._engine_map.clear()


def main(database, steps):
    warm(shutil.copy(database, f"{database}-warm"))
    for step in range(1, int(steps) + 1):
        copy = Path(shutil.copy(database, f"{database}-{step}"))
        status = child(copy, step)
        print(json.dumps({"step": step, "status": status, **seen(copy)}), flush=True)
        if status == 0:
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
