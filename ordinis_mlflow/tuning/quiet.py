"""Optuna's warnings of what we do on purpose."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import ExperimentalWarning


@contextmanager
def quietly() -> Iterator[None]:
    """Say nothing of experimental parts, nor of heartbeats: ours beat around ask and tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used with")
        yield
