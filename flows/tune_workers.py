"""Workers of a tuning: processes on one study, ended orderly, replaced when they die.

Of its own workers the first process sees the end at once. Those of another machine that vanishes
are missed when their hearts no longer beat.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType

import mlflow
import torch

from flows.data import load_data
from flows.tuned_folds import folds_of
from flows.tuned_objective import FoldObjective
from flows.tuned_study import Job
from flows.tuned_trial import TrackedObjective
from ordinis_mlflow.errors import ObjectiveNotFinite, StudyError, TrainingDiverged
from ordinis_mlflow.store import open_store
from ordinis_mlflow.tuning import run_trials

LOOK_S = 0.5
"""Between two looks at the study."""
PATIENCE_S = 60.0
"""That a worker gets to put its trial back when it is told to end."""
DEATHS = 3
"""So many workers are replaced; whatever kills more of them would go on."""


@dataclass(frozen=True, eq=False)
class Worker:
    """A process, its name in the study, and the end of a pipe where it says what ended it."""

    process: SpawnProcess
    name: str
    said: Connection

    def error(self) -> str | None:
        """What ended it, if it could say so."""
        try:
            return str(self.said.recv()) if self.said.poll() else None
        except EOFError:
            return None


def work(job: Job, name: str | None = None) -> int:
    """Measure trials in this process until the study has enough of them; how many it did.

    Args:
        job: what is measured.
        name: of this worker in the study, if somebody watches it.
    """
    torch.set_num_threads(1)
    data = load_data(open_store(job.tracking_uri), job.options)
    how, config = job.measurement, replace(job.config, threads=1)
    folds = folds_of(
        data, job.border, job.options, config, job.space, how.folds, how.embargo_time()
    )
    objective = FoldObjective(folds, job.options, config, how.trial_epochs, how.named())
    left = None if job.ends_at is None else job.ends_at - time.time()
    if left is not None and left <= 0:
        return 0
    with job.open(name) as study:
        return run_trials(
            study,
            TrackedObjective(objective, how.named(), job.sheet),
            job.trials,
            left,
            catch=(TrainingDiverged, ObjectiveNotFinite),
        )


def work_together(job: Job, count: int, look: Callable[[], None]) -> None:
    """Run workers until all are done; one that dies is replaced, and its trial tried again.

    Args:
        job: of each.
        count: of processes.
        look: called twice a second.

    Raises:
        StudyError: a worker ended with an error, or one after the other died. The others are
            stopped, and what they measured until then is kept.
    """
    workers = [_start(job) for _ in range(count)]
    deaths = 0
    try:
        while workers:
            wait([each.process.sentinel for each in workers], timeout=LOOK_S)
            look()
            for worker in [each for each in workers if not each.process.is_alive()]:
                workers.remove(worker)
                if _died(worker):
                    deaths += 1
                    _bury(job, worker)
                    _refuse_more(deaths, worker)
                    workers.append(_start(job))
    finally:
        _stop(workers)
        look()


def _died(worker: Worker) -> bool:
    """Whether it was killed; one that failed ends the tuning, with its reason."""
    worker.process.join()
    if worker.process.exitcode == 0:
        return False
    error = worker.error()
    if error is not None:
        raise StudyError(f"a worker failed, what was measured is kept: {error}")
    return True


def _bury(job: Job, worker: Worker) -> None:
    with job.open() as study:
        study.bury(worker.name)


def _refuse_more(deaths: int, worker: Worker) -> None:
    if deaths > DEATHS:
        raise StudyError(
            f"{deaths} workers died, the last with exit status {worker.process.exitcode}; what was "
            "measured is kept. Is there memory enough for all workers?"
        )
    print("warning: a worker died; another one tries its trial again", file=sys.stderr)


def _start(job: Job) -> Worker:
    name = uuid.uuid4().hex
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_main, args=(job, name, sender), daemon=False
    )
    # Ctrl-C in a terminal reaches all processes: it is for the first to tell the others.
    with _deaf_to_interrupts(), _one_thread():
        process.start()
    sender.close()
    return Worker(process, name, receiver)


def _stop(workers: list[Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _main(job: Job, name: str, error_to: Connection) -> None:
    """Of a worker process."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    mlflow.set_tracking_uri(job.tracking_uri)
    try:
        work(job, name)
    except Exception as error:
        error_to.send(f"{type(error).__name__}: {error}")
        raise


def _leave(number: int, frame: FrameType | None) -> None:
    """End orderly, so that the trial is put back; once: that must not be interrupted."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on with what nobody waits for."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What a process ignores, its children ignore from their first moment."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads of OpenMP are counted when a library is loaded; those of workers would only wait."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
