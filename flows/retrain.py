"""Retrain: by hand, or what a monitor has triggered and nobody has carried out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import mlflow

from flows.command_line import NONE, given, parse, run
from flows.gated import gated_registry
from flows.retraining import Job, carry_out
from flows.watched import NewestOptions
from ordinis_mlflow.errors import InvalidConfig, RetrainingError
from ordinis_mlflow.retraining import Desk, Kept, RetrainPolicy, ask, open_desk
from ordinis_mlflow.tracking import tracked_run


@dataclass(frozen=True)
class RetrainOptions(NewestOptions):
    """Parameters of the entry point ``retrain``, besides the policy of the loop.

    Attributes:
        model: name in the registry.
        alias: of the champion: its settings are trained with, its place is asked for.
        cause: why a retraining is triggered by hand; without one, what is under way is carried out.
    """

    model: str = "sp500"
    alias: str = "champion"
    cause: str = NONE


def main(arguments: Sequence[str]) -> None:
    """The entry point ``retrain``; a challenger that is rejected is no error, a failure is one."""
    options, policy = parse(arguments, RetrainOptions, RetrainPolicy)
    retrain(options, policy)


def retrain(options: RetrainOptions, policy: RetrainPolicy) -> Kept:
    """Trigger, if there is a cause, and carry out.

    Raises:
        InvalidConfig: there is no cause and nothing is under way, or the registry has no gates.
        RetrainingError: with a cause: another retraining is under way, or the loop is held. Or the
            training failed.
    """
    gated_registry()
    desk = open_desk(mlflow.get_tracking_uri())
    settings = {**asdict(options), **asdict(policy)}
    kept = triggered(desk, options)
    with tracked_run(settings, {"ordinis.entry_point": "retrain"}) as own:
        tags = {"ordinis.model": options.model, "ordinis.asked": given(options.cause) or ""}
        mlflow.set_tags(tags)
        job = Job(options, policy, own.info.run_id, options.alias, tags)
        done = carry_out(desk, kept, job)
        if not done.state.under_way and not done.state.challenger:
            raise RetrainingError(desk.history(options.model)[-1].note)
    return done


def triggered(desk: Desk, options: RetrainOptions) -> Kept:
    """What there is to carry out."""
    cause = given(options.cause)
    if cause:
        _, asked, _ = desk.advance(options.model, lambda state: ask(state, cause))
        return asked
    kept = desk.read(options.model)
    if not kept.state.under_way:
        raise InvalidConfig(
            f"of {options.model} no retraining is under way: pass cause=... to ask for one"
        )
    return kept


if __name__ == "__main__":
    run(main)
