"""Go on with a retraining in child processes that are killed at one step after the other.

Tells of each of them how it ended.
"""

import contextlib
import os
import signal
import threading
import time
import traceback

import mlflow
from own_store import words
from retrained import desk_of, job, trained_here
from warm import WARM

from flows import challenged, retraining, train
from flows.trigger_runs import Trigger, attempts, trainings
from ordinis_mlflow.retraining import Lease

STEPS = (
    "claimed", "run begun", "checkpoint", "trained", "registered", "desk told of challenger",
    "promotion asked for", "decided", "decision logged", "none",
)  # fmt: skip


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(owner, name):
    """Be killed as soon as a function has returned."""
    function = getattr(owner, name)

    def call(*arguments, **keywords):
        function(*arguments, **keywords)
        die()

    setattr(owner, name, call)


def dying_before(owner, name):
    setattr(owner, name, lambda *_, **__: die())


def trained_apart(run_id, experiment, asked, lease, stop):
    """As ``mlflow run`` trains, in a process of its own."""
    os.environ["MLFLOW_RUN_ID"] = run_id
    process = WARM.Process(target=train.main, args=(words(**asked),), daemon=False)
    process.start()
    process.join()
    return process.exitcode == 0


def dying_at_a_checkpoint(trigger):
    """The training itself lives on."""
    retraining._project = trained_apart

    def watch():
        client = mlflow.MlflowClient()
        while True:
            for each in trainings(attempts(trigger)):
                if client.list_artifacts(each.info.run_id, "checkpoints"):
                    die()
            time.sleep(0.05)

    threading.Thread(target=watch, daemon=True).start()


def prepare(step, trigger):
    if step == "claimed":
        dying_before(retraining, "attempts")
    elif step == "run begun":
        dying_after(retraining, "begin")
    elif step == "checkpoint":
        dying_at_a_checkpoint(trigger)
    elif step == "trained":
        retraining._project = trained_here
        dying_before(retraining, "register")
    elif step == "registered":
        dying_after(retraining, "register")
    elif step == "desk told of challenger":
        dying_after(Lease, "write")
    elif step == "promotion asked for":
        dying_before(challenged, "gated_registry")
    elif step == "decided":
        dying_before(challenged, "_log")
    elif step == "decision logged":
        dying_before(Lease, "write")


def child(step, model, file, parent):
    number = os.fork()
    if number == 0:
        with contextlib.suppress(BaseException):
            try:
                desk = desk_of()
                kept = desk.read(model)
                while kept.worker and time.time_ns() < kept.lease_until:
                    time.sleep(0.05)
                    kept = desk.read(model)
                prepare(step, Trigger.of(model, kept.state))
                retraining.go_on(desk, kept, job(file, parent, lease_s=0.5))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
        os._exit(1)
    return os.waitpid(number, 0)[1]


def main(model, file, parent, told):
    told.send({step: child(step, model, file, parent) for step in STEPS})
