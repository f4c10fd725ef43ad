"""Fits: every model of a replay, trained once, whichever strategies ask for it and how often."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME
from tqdm import tqdm

from flows.pool import loaded, training_pool
from flows.replayed_fit import FIT, Fitted, fit_at, read_fit
from flows.replayed_history import History
from ordinis_mlflow.splits import HoldoutSplit

FOLDER = "ordinis.replay.fits"
"""Tag of the run that the fits are nested under, so that strategies are listed by themselves."""


@dataclass(eq=False)
class Fits:
    """By the newest bar that was known. Safe to use from several threads.

    Attributes:
        history: that is replayed.
        pool: where models are trained.
        parent: run that the fits' runs are nested under.
    """

    history: History
    pool: ProcessPoolExecutor
    parent: str
    _runs: dict[np.datetime64, "Future[str]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, known: np.datetime64) -> Fitted:
        """The model that is trained at this bar; waits for it."""
        return read_fit(mlflow.get_run(self._asked(known).result()), self.history)

    def prepare(self, known: Sequence[np.datetime64]) -> None:
        """Train these side by side, the longest first; the first error ends it."""
        futures = [self._asked(each) for each in sorted(known, reverse=True)]
        for future in tqdm(as_completed(futures), total=len(futures), unit="fit", desc="replay"):
            future.result()

    def done(self, known: np.datetime64, run_id: str) -> None:
        """This one was trained before."""
        future: Future[str] = Future()
        future.set_result(run_id)
        self._runs[known] = future

    def _asked(self, known: np.datetime64) -> "Future[str]":
        with self._lock:
            if known not in self._runs:
                split = self.history.parts(known)
                self._runs[known] = self.pool.submit(_fit, known, split, self.parent)
            return self._runs[known]


@contextlib.contextmanager
def fits_of(history: History, replay: str, workers: int) -> Iterator[Fits]:
    """With those that are finished, and processes for the others.

    Args:
        history: that is replayed.
        replay: its run.
        workers: processes.
    """
    client = MlflowClient()
    parent = _folder(client, replay)
    try:
        with training_pool(history.training, workers) as pool:
            fits = Fits(history, pool, parent)
            _find(client, fits)
            yield fits
    except BaseException:
        client.set_terminated(parent, "FAILED")
        raise
    client.set_terminated(parent, "FINISHED")


def _find(client: MlflowClient, fits: Fits) -> None:
    """What is finished, and that the others were killed."""
    for run in children(fits.parent, FIT):
        if run.info.status == "FINISHED":
            fits.done(np.datetime64(run.data.tags[FIT]), run.info.run_id)
        elif run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")


def children(replay: str, tag: str) -> list[mlflow.entities.Run]:
    """Runs nested under a run that have a tag."""
    experiment = mlflow.get_run(replay).info.experiment_id
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{replay}'"
    found = mlflow.search_runs([experiment], wanted, output_format="list")
    return [run for run in found if tag in run.data.tags]


def _folder(client: MlflowClient, replay: str) -> str:
    """The run that the fits are nested under; made if there is none yet."""
    for run in children(replay, FOLDER):
        return str(run.info.run_id)
    experiment = client.get_run(replay).info.experiment_id
    tags = {MLFLOW_PARENT_RUN_ID: replay, MLFLOW_RUN_NAME: "fits", FOLDER: "true"}
    return str(client.create_run(experiment, tags=tags).info.run_id)


def _fit(known: np.datetime64, split: HoldoutSplit, parent: str) -> str:
    """In a worker process."""
    return fit_at(loaded(), known, split, parent)
