"""Retraining: what a trigger asks is carried out, once, by whoever is there; after a crash too.

    retrain   lease → run, tagged with the trigger → training → version → desk
    evaluate  lease → gates → what they said, logged to the run → desk

Each step first looks whether it has been done. A training process that outlives whoever began it
registers nothing: versions are registered here, under the lease.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from os import environ, pathsep
from pathlib import Path
from sys import executable

import mlflow
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_EXPERIMENT_NAME
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from flows.challenged import evaluated
from flows.command_line import NONE
from flows.gated import gated_registry
from flows.newest import newest_snapshot
from flows.said import tell
from flows.source import BarsOptions
from flows.training import recorded_settings
from flows.trigger_runs import (
    Trigger,
    attempts,
    begin,
    challenger,
    end_running,
    register,
    to_go_on_from,
    trained_model,
    trainings,
)
from flows.watched import NewestOptions
from ordinis_mlflow.errors import LoopOvertaken
from ordinis_mlflow.retraining import (
    HAND,
    RETRAIN,
    Desk,
    Kept,
    Lease,
    LoopState,
    RetrainPolicy,
    failed,
    trained,
)
from ordinis_mlflow.retraining.lease import SECONDS as LEASE_SECONDS

PROJECT = Path(__file__).parents[1]
MOST_ATTEMPTS = 5
"""A training that takes its machine down each time is given up."""
POLL_S = 0.2


@dataclass(frozen=True, eq=False)
class Job:
    """With what a retraining is done.

    Attributes:
        source: of the newest bars.
        policy: of the loop.
        parent: run that the training is nested under.
        alias: of the champion, and the place that the challenger asks for.
        tags: what led to it, for the run.
        stop: ends it between two steps, and a training in the middle; it is gone on with later.
        lease_s: after which whoever gave no sign of life counts as dead.
    """

    source: NewestOptions
    policy: RetrainPolicy
    parent: str
    alias: str = "champion"
    tags: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    lease_s: float = LEASE_SECONDS


def go_on(desk: Desk, kept: Kept, job: Job) -> Kept:
    """Carry out what is under way as far as it goes; nothing where nothing is.

    Safe to be called by several at once, on several machines: one does it, the others return.

    Args:
        desk: where the loop is kept.
        kept: as it was read.
        job: with what it is done.

    Returns:
        Where the loop stands now; still under way if another worker has it, or if it was stopped.

    Raises:
        InvalidConfig: the registry has no gates, or the champion's training is not known.
        InvalidBars: the newest bars cannot be trained on.
        PromotionRefused: the registry did not decide.
    """
    if not kept.state.under_way:
        return kept
    gated_registry()  # refused before anything is begun
    while kept.state.under_way and not job.stop.is_set():
        try:
            with Lease(desk, kept, job.lease_s) as lease:
                step = _retrain if kept.state.phase == RETRAIN else _evaluate
                kept = step(kept.model, lease, job)
        except LoopOvertaken as error:
            print(f"{kept.model}: {error}")
            return desk.read(kept.model)
        except Stopped:
            print(f"{kept.model}: retraining {kept.state.trigger} was stopped, and goes on later")
            return desk.read(kept.model)
    return kept


def carry_out(desk: Desk, kept: Kept, job: Job) -> Kept:
    """:func:`go_on`, and tell of what came of it in the active run."""
    done = go_on(desk, kept, job)
    if done.revision > kept.revision:
        last = desk.history(kept.model)[-1]
        tell(kept.model, last.note, done.state, last.loud)
    return done


class Stopped(Exception):
    """A training was asked to end before it was done."""


def _retrain(model: str, lease: Lease, job: Job) -> Kept:
    trigger = Trigger.of(model, lease.state)
    begun = attempts(trigger)
    runs = trainings(begun)
    end_running(runs)
    version = challenger(trigger, runs)
    if version is None:
        made = trained_model(runs)
        if made is None:
            reason = _train(trigger, lease, job, to_go_on_from(runs), len(begun))
            if reason:
                return lease.write(lambda state: failed(state, reason, job.policy))
            made = trained_model(trainings(attempts(trigger)))
        if made is None:
            return lease.write(lambda state: failed(state, "it has logged no model", job.policy))
        lease.check()
        version = register(trigger, made)
    run_id, number = str(version.run_id), str(version.version)
    return lease.write(lambda state: trained(state, run_id, number))


def _train(trigger: Trigger, lease: Lease, job: Job, interrupted: str | None, begun: int) -> str:
    """Train in a run of its own; why it failed, "" if it did not.

    Raises:
        Stopped: it was asked to.
        LoopOvertaken: the lease was lost.
    """
    if begun >= MOST_ATTEMPTS:
        return f"it ended {begun} times without a result"
    champion = MlflowClient().get_model_version_by_alias(trigger.model, job.alias)
    asked = (
        {"resume": interrupted}
        if interrupted
        else _parameters(str(champion.run_id), job.source, reach(lease.state))
    )
    tags = {
        **job.tags,
        MLFLOW_PARENT_RUN_ID: job.parent,
        "ordinis.cause": lease.state.cause,
        "ordinis.champion": str(champion.version),
    }
    experiment = mlflow.get_run(job.parent).info.experiment_id
    run_id = begin(trigger, experiment, tags)
    if _project(run_id, experiment, asked, lease, job.stop):
        return ""
    return f"run {run_id} ended {mlflow.get_run(run_id).info.status}"


def reach(state: LoopState) -> int:
    """Bar up to which there must be bars to train on; by hand any will do."""
    return 0 if state.cause == HAND else state.triggered


def _parameters(champion_run: str, source: NewestOptions, least: int) -> dict[str, str]:
    """Those of the champion's training, on the newest bars."""
    options, config = recorded_settings(champion_run)
    snapshot = newest_snapshot(source, options.feature_set(), least)
    bars = {each.name: getattr(source, each.name) for each in fields(BarsOptions)}
    newest = replace(
        options, **bars, snapshot=snapshot, as_of=NONE, register=NONE, alias=NONE, resume=NONE
    )
    return {name: _text(value) for name, value in {**asdict(newest), **asdict(config)}.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _project(
    run_id: str, experiment: str, asked: Mapping[str, str], lease: Lease, stop: threading.Event
) -> bool:
    """``mlflow run -e train`` in a run that is there; whether it succeeded.

    It is a group of processes of its own, and is ended with whoever waits for it.
    """
    with _project_environment():
        begun = mlflow.projects.run(
            str(PROJECT), "train", parameters=dict(asked), experiment_id=experiment,
            run_id=run_id, env_manager="local", synchronous=False,
        )  # fmt: skip
    process = begun.command_proc
    try:
        while process.poll() is None:
            if lease.lost:
                raise LoopOvertaken(f"another worker took over what run {run_id} was training")
            if stop.wait(POLL_S):
                raise Stopped
    finally:
        begun.cancel()  # what has ended is left alone
        end_running(trainings([mlflow.get_run(run_id)]))
    return bool(process.returncode == 0)


@contextmanager
def _project_environment() -> Iterator[None]:
    """This interpreter's ``mlflow`` and ``python``, and no experiment beside that of the run."""
    changed = {"PATH": f"{Path(executable).parent}{pathsep}{environ.get('PATH', '')}"}
    before = {name: environ.get(name) for name in (*changed, MLFLOW_EXPERIMENT_NAME.name)}
    environ.update(changed)
    environ.pop(MLFLOW_EXPERIMENT_NAME.name, None)
    try:
        yield
    finally:
        environ.update({name: value for name, value in before.items() if value is not None})


def _evaluate(model: str, lease: Lease, job: Job) -> Kept:
    step = evaluated(model, lease.state, job.alias, job.policy)
    return lease.write(step)
