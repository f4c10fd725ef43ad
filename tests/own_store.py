"""A feature store of a test module's own, in which flows work as they do for a user."""

import contextlib

import pytest


@contextlib.contextmanager
def own_store(folder):
    """Name a store and a catalogue below a folder to every flow that is run in this process."""
    from ordinis_mlflow.store import open_store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDINIS_STORE", str(folder / "store"))
        patch.setenv("ORDINIS_CATALOGUE", f"sqlite:///{folder / 'catalogue.db'}")
        made = open_store("unused")
        yield made
        made.catalogue.close()


def files(store):
    """Every file of a store with the time of its last change."""
    from pathlib import Path

    paths = Path(store.files.url).rglob("*.*")
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


def words(**options):
    """Options as command-line words."""
    return [f"--{name}={value}" for name, value in options.items()]
