"""Workers of a tuning: processes on one study, ended orderly, replaced when they die."""

import multiprocessing
import os
import signal
import sys
import threading
import time
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
    """A process, and the end of a pipe where it says which error ended it."""

    process: SpawnProcess
    said: Connection

    def error(self) -> str | None:
        """What ended it, if it could say so."""
        try:
            return str(self.said.recv()) if self.said.poll() else None
        except EOFError:
            return None


def work(job: Job) -> int:
    """Measure trials in this process until the study has enough of them; how many it did."""
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
    with job.open() as study:
        return run_trials(
            study,
            TrackedObjective(objective, how.named(), job.sheet),
            job.trials,
            left,
            catch=(TrainingDiverged, ObjectiveNotFinite),
        )


def work_together(job: Job, count: int, look: Callable[[], None]) -> None:
    """Run workers until all are done; one that dies is replaced once its trial is known to be lost.

    Args:
        job: of each.
        count: of processes.
        look: called twice a second.

    Raises:
        StudyError: a worker ended with an error, or one after the other died. The others are
            stopped, and what they measured until then is kept.
    """
    workers = [_start(job, 0.0) for _ in range(count)]
    deaths = 0
    try:
        while workers:
            wait([each.process.sentinel for each in workers], timeout=LOOK_S)
            look()
            for worker in [each for each in workers if not each.process.is_alive()]:
                workers.remove(worker)
                if _died(worker):
                    deaths += 1
                    _refuse_more(deaths, worker)
                    workers.append(_start(job, job.pulse.dead_after_s + 1.0))
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


def _refuse_more(deaths: int, worker: Worker) -> None:
    if deaths > DEATHS:
        raise StudyError(
            f"{deaths} workers died, the last with exit status {worker.process.exitcode}; what was "
            "measured is kept. Is there memory enough for all workers?"
        )
    print("warning: a worker died; another one tries its trial again", file=sys.stderr)


def _start(job: Job, delay_s: float) -> Worker:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_main, args=(job, delay_s, sender), daemon=False
    )
    # Ctrl-C in a terminal reaches all processes: it is for the first to tell the others.
    with _deaf_to_interrupts(), _one_thread():
        process.start()
    sender.close()
    return Worker(process, receiver)


def _stop(workers: list[Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _main(job: Job, delay_s: float, error_to: Connection) -> None:
    """Of a worker process."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    mlflow.set_tracking_uri(job.tracking_uri)
    time.sleep(delay_s)
    try:
        work(job)
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
