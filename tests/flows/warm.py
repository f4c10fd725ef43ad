"""Processes that begin warm: forked off one that has imported what flows need.

A cold one imports for seven seconds before it does what is tested. Each has the environment of
whoever starts it, as a cold one has, and may start others.
"""

import contextlib
import multiprocessing
import os
from multiprocessing import context, forkserver
from pathlib import Path

IMPORTED = [
    "flows.monitor", "flows.replay", "flows.retrain", "flows.train", "flows.tune",
    "flows.walkforward", "arch.univariate", "mlflow.pyfunc", "optuna",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
    "torch.onnx._internal.exporter._capture_strategies", "torch.onnx._internal.exporter._core",
]  # fmt: skip
by_name = multiprocessing.get_context


class WarmProcess(context.ForkServerProcess):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self._environment = dict(os.environ)

    def run(self):
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


class Warm(context.ForkServerContext):
    Process = WarmProcess


WARM = Warm()
WARM.set_forkserver_preload(IMPORTED)


def instead_of_spawned(method=None):
    """Of ``multiprocessing``: the context by its name, and the warm one for the cold one's."""
    return WARM if method == "spawn" else by_name(method)


def started(main, *arguments):
    """A process that runs a flow, or a helper, whose own workers are warm as well."""
    process = WARM.Process(target=_run, args=(main, arguments), daemon=False)
    process.start()
    process.warm = dict(_parents())[process.pid]
    return process


def _run(main, arguments):
    forkserver._forkserver.ensure_running = lambda: None  # it is there: this one came from it
    multiprocessing.get_context = instead_of_spawned
    main(*arguments)


def alive_beside(process):
    """Processes of the warm one's, this one among them until it has ended."""
    return [pid for pid, parent in _parents() if parent == process.warm]


def _parents():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(stat.parent.name), int(parent)
