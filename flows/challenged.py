"""Challenged: a challenger asks for the champion's place; what the gates said is logged."""

from collections.abc import Callable
from typing import TypeVar

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from flows.gated import Decided, decisions, gated_registry
from ordinis_mlflow.errors import PromotionRefused
from ordinis_mlflow.retraining import LoopState, RetrainPolicy, Step, decided, failed
from ordinis_mlflow.tracking.page import page

PAGE = "retraining/decision.html"
T = TypeVar("T")


def evaluated(
    model: str, state: LoopState, place: str, policy: RetrainPolicy
) -> Callable[[LoopState], Step]:
    """Let the gates compare the challenger with the champion, once; log and tell what they said.

    The gates judge on rows that neither was trained on: those decided on after both had been
    fitted, which a challenger of the newest bars leaves by its own test span.

    Args:
        model: name in the registry.
        state: its loop, which names trigger and challenger.
        place: alias that the challenger asks for.
        policy: of the loop.

    Returns:
        From the newest state to the next.

    Raises:
        PromotionRefused: no gate has decided: another decision was under way, or the server failed.
    """
    if not _registered(model, state.challenger):
        gone = f"version {state.challenger} is not registered any more"
        return lambda newest: failed(newest, gone, policy)
    found = _decision(model, state, place)
    if _there(state.run):
        _log(model, state, found)
    against = "; ".join(str(each) for each in found.verdicts if not each.passed)
    reason = against or f"decision {found.number}, every gate passed"
    return lambda newest: decided(newest, found.promoted, reason, policy)


def _registered(model: str, version: str) -> bool:
    return _known(lambda: MlflowClient().get_model_version(model, version)) is not None


def _there(run_id: str) -> bool:
    """Whether the run can be written to: somebody may have deleted it."""
    run = _known(lambda: mlflow.get_run(run_id))
    return run is not None and run.info.lifecycle_stage == LifecycleStage.ACTIVE


def _known(ask: Callable[[], T]) -> T | None:
    """What the server has; None if it has none of it. What is wrong otherwise is raised."""
    try:
        return ask()
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise


def _decision(model: str, state: LoopState, place: str) -> Decided:
    """That of this trigger: the one that was made before a crash, or a new one."""
    reason = f"retraining {state.trigger}: {state.cause}"
    found = _made(model, state.challenger, reason)
    if found:
        return found
    refusal: Exception | None = None
    try:
        gated_registry().promote(model, state.challenger, place, reason, "")
    except (PromotionRefused, MlflowException) as error:
        refusal = error
    # Without one, it may stand there because somebody has promoted it by hand meanwhile.
    found = _made(model, state.challenger, reason) or _standing(model, state.challenger, refusal)
    if found is None:
        raise PromotionRefused(
            f"version {state.challenger} of {model} was not decided on, ask again: {refusal}"
        ) from refusal
    return found


def _made(model: str, version: str, reason: str) -> Decided | None:
    for each in decisions(model):
        if (each.version, each.reason) == (version, reason):
            return each
    return None


def _standing(model: str, version: str, refusal: Exception | None) -> Decided | None:
    if refusal is None:
        for each in decisions(model):
            if each.version == version and each.promoted:
                return each
    return None


def _log(model: str, state: LoopState, found: Decided) -> None:
    """Tags, figures and a page at the challenger's run."""
    client, outcome = MlflowClient(), "promoted" if found.promoted else "rejected"
    client.set_tag(state.run, "ordinis.decision", f"{outcome} (decision {found.number})")
    for each in found.verdicts:
        client.set_tag(state.run, f"ordinis.verdict.gate_{each.name}", str(each)[:5000])
        for name, value in (("observed", each.observed), ("limit", each.limit)):
            if np.isfinite(value):
                client.log_metric(state.run, f"gate/{each.name}_{name}", value)
    table = pd.DataFrame(
        [
            (each.name, "passed" if each.passed else "FAILED", f"{each.observed:.6g}",
             f"{each.limit:.6g}", each.reason)
            for each in found.verdicts
        ],
        columns=["gate", "outcome", "observed", "limit", "reason"],
    )  # fmt: skip
    title = f"Version {state.challenger} of {model}: {outcome}"
    said = [f"Retraining {state.trigger}, caused by {state.cause}; decision {found.number}."]
    mlflow.log_text(page(title, said, {}, {"gates": table}), PAGE, run_id=state.run)
