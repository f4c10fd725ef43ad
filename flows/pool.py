"""Pool: processes that have loaded the same training, and fit models side by side."""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import mlflow

from flows.options import TrainOptions
from flows.training import Training, load
from ordinis_mlflow.network import LSTMConfig


@contextlib.contextmanager
def training_pool(training: Training, count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes in which :func:`loaded` gives this training; what has not begun at the end is not.

    Args:
        training: its settings are sent, and each process reads the data itself.
        count: of processes.
    """
    pool = ProcessPoolExecutor(
        count,
        multiprocessing.get_context("spawn"),
        _start_worker,
        (training.options, training.config, mlflow.get_tracking_uri()),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_training: Training | None = None
"""What a worker process has loaded, once for all its fits."""


def loaded() -> Training:
    """The training of this worker process."""
    assert _training is not None
    return _training


def _start_worker(options: TrainOptions, config: LSTMConfig, tracking_uri: str) -> None:
    global _training
    threading.Thread(target=_end_with_parent, daemon=True).start()
    mlflow.set_tracking_uri(tracking_uri)
    _training = load(options, config)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
