"""JSON bodies of ``/invocations``: exactly one of MLflow's four forms."""

from typing import Annotated

import msgspec

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Asked
from ordinis_mlflow.serving.bars_json import Record, Split, frame_of_records, frame_of_split
from ordinis_mlflow.serving.bars_table import asked
from ordinis_mlflow.serving.strict_json import decode, decoder
from ordinis_mlflow.serving.windows_json import Instance, Named, Window, windows_of

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")


class Body(msgspec.Struct):
    """Windows, or a table of bars; like MLflow, other fields are passed over."""

    inputs: list[Window] | Named | msgspec.UnsetType = msgspec.UNSET
    instances: list[Window | Instance] | msgspec.UnsetType = msgspec.UNSET
    dataframe_split: Split | msgspec.UnsetType = msgspec.UNSET
    dataframe_records: list[Record] | msgspec.UnsetType = msgspec.UNSET


OneForm = Annotated[
    Body, msgspec.Meta(extra_json_schema={"oneOf": [{"required": [form]} for form in FORMS]})
]
"""The same, as the OpenAPI document says it: exactly one of the forms."""
_DECODER = decoder(Body)


def read_json(body: bytes, model: SignalModel) -> Asked:
    """What a JSON body asks.

    Raises:
        RequestRefused: not JSON, a value of another type, or not exactly one of the forms.
        InvalidWindows: wrong shape, or a bar of a window breaks a rule.
        InvalidBars: a bar of a table breaks a rule.
    """
    given: Body = decode(body, _DECODER)
    if sum(getattr(given, form) is not msgspec.UNSET for form in FORMS) != 1:
        raise RequestRefused(400, "invalid_json", f"send exactly one of {', '.join(FORMS)}")
    if isinstance(given.inputs, Named):
        return Asked(windows_of(given.inputs.bars, model))
    if isinstance(given.inputs, list):
        return Asked(windows_of(given.inputs, model))
    if isinstance(given.instances, list):
        bare = [each.bars if isinstance(each, Instance) else each for each in given.instances]
        return Asked(windows_of(bare, model))
    if isinstance(given.dataframe_split, Split):
        return asked(frame_of_split(given.dataframe_split), model)
    assert isinstance(given.dataframe_records, list)
    return asked(frame_of_records(given.dataframe_records), model)
