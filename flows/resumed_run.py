"""The run of a flow whose parts are child runs, and which goes on after a kill."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import mlflow

from flows.command_line import given
from flows.options import TrainOptions
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.tracking import tracked_run


def refuse_register(options: TrainOptions, what: str) -> None:
    """Of a flow whose models are of the past.

    Args:
        options: as they were asked for.
        what: the flow does: "a walk".

    Raises:
        InvalidConfig: a registered model was asked for.
    """
    if given(options.register):
        raise InvalidConfig(
            f"{what} registers no model, got register={options.register}: train one with the "
            "entry point train"
        )


@contextmanager
def resumed_run(
    parameters: Mapping[str, object], entry_point: str, resumed: str | None
) -> Iterator[str]:
    """The parent of the parts: a run of its own, or the killed one, so that parts stay together.

    Args:
        parameters: of the run.
        entry_point: that was called.
        resumed: the run to go on with; None to begin one.

    Yields:
        Its id; it is active.
    """
    tags = {"ordinis.entry_point": entry_point}
    with tracked_run(parameters, tags, apart=bool(resumed)) as run_:
        if not resumed:
            yield run_.info.run_id
            return
        mlflow.set_tag("ordinis.resumed", resumed)
        with mlflow.start_run(run_id=resumed, nested=True):
            yield resumed
