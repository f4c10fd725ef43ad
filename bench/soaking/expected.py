"""Expected: what each version of a model has to answer to each request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.serving.contenders import inputs
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.signal import Signal

SIZES = (1, 1, 1, 2, 5)
"""Windows of a request, in turn."""
RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""How far an answer may be from the one computed before: single precision in another batch."""
APART = 10.0
"""Two windows, or two versions on one window, differ by so many times that at least."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Expected:
    """Requests and their answers.

    Attributes:
        bodies: JSON of each request.
        answers: by the label of a version, ``<name>/<version>``: the table of each request, of
            shape (windows, 5).
    """

    bodies: tuple[bytes, ...]
    answers: Mapping[str, tuple[Table, ...]]

    @classmethod
    def of(cls, models: Mapping[str, SignalModel], windows: Table) -> "Expected":
        """Ask each version about every window beforehand.

        Args:
            models: by label.
            windows: raw bars, shape (n, lookback, 5); they are cut into requests.

        Raises:
            InvalidConfig: two windows or two versions have answers too close to be told apart.
        """
        sizes = np.resize(SIZES, len(windows))
        parts = np.split(np.arange(len(windows)), np.cumsum(sizes))
        parts = [part for part in parts if len(part)]
        tables = {label: _table(model.predict(windows)) for label, model in models.items()}
        _check_distinct(np.concatenate(list(tables.values())))
        answers = {label: tuple(table[p] for p in parts) for label, table in tables.items()}
        return cls(tuple(inputs(windows[part]) for part in parts), answers)

    def problem(self, request: int, label: str, content: bytes) -> str | None:
        """What is wrong with an answer; None if it is what the named version says."""
        if label not in self.answers:
            return f"answered by {label!r}, which is none of {sorted(self.answers)}"
        table = self.answers[label][request]
        try:
            records = json.loads(content)["predictions"]
            got = np.array([[each[name] for name in Signal.names()] for each in records], float)
        except (ValueError, KeyError, TypeError) as error:
            return f"{label} answered in another form ({error!r}): {content[:200]!r}"
        if got.shape != table.shape or not np.allclose(got, table, RELATIVE, ABSOLUTE):
            return f"{label} answered request {request} with {got.tolist()}, not {table.tolist()}"
        return None


def _table(signal: Signal) -> Table:
    return np.column_stack([values for _, values in signal.columns()]).astype(np.float64)


def _check_distinct(answers: Table) -> None:
    """Every row must differ from every other one in some column by more than the tolerance."""
    room = APART * (ABSOLUTE + RELATIVE * np.abs(answers))
    for index, row in enumerate(answers[:-1]):
        same = np.all(np.abs(answers[index + 1 :] - row) <= room[index], axis=1)
        if same.any():
            raise InvalidConfig(
                f"answers {index} and {index + 1 + int(np.argmax(same))} cannot be told apart: "
                "take windows further apart, or versions that differ more"
            )
