"""Arms: the versions that answer at the moment; replaced as a whole, never changed."""

import time
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.flavor.model import Windows
from ordinis_mlflow.serving.batching import Batcher
from ordinis_mlflow.signal import Signal

Rows: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a request asks about.

    Attributes:
        windows: shape (n, lookback, 5), checked.
        symbols: one a window, where they are known.
        timestamps: (n,) UTC nanoseconds of each window's last bar, where they are known.
    """

    windows: Windows
    symbols: tuple[str, ...] | None = None
    timestamps: npt.NDArray[np.int64] | None = None

    def of(self, rows: Rows | None, lookback: int) -> "Asked":
        """What is asked about some rows, of a version that reads so many bars and no more.

        Args:
            rows: numbers of rows; None for all.
            lookback: of the version, at most that of the windows.
        """
        whole = self.windows.shape[1] == lookback
        if rows is None:
            return self if whole else replace(self, windows=_latest(self.windows, lookback))
        windows = self.windows[rows]
        return Asked(
            windows if whole else _latest(windows, lookback),
            None if self.symbols is None else tuple(self.symbols[row] for row in rows),
            None if self.timestamps is None else self.timestamps[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """One loaded version.

    Attributes:
        arm: ``champion``, ``challenger`` or, if its answers are not given, ``shadow``.
        name: of the registered model, or of the folder.
        version: of the registered model, or the first digits of the package's digest.
        model: proven on this machine.
        batcher: its queue.
        loaded_at: seconds since 1970.
    """

    arm: str
    name: str
    version: str
    model: SignalModel
    batcher: Batcher
    loaded_at: float = field(default_factory=time.time)

    @property
    def label(self) -> str:
        """Name and version, as the header ``X-Ordinis-Model`` says them."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Who answers.

    Attributes:
        champion: answers, and says what a request must look like.
        challenger: answers a share, or the same unseen; takes what the champion takes.
    """

    champion: Served
    challenger: Served | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of a request that one version has answered.

    Attributes:
        served: the version.
        rows: of the request; None for all of them.
        asked: about these rows.
        signal: of these rows.
    """

    served: Served
    rows: Rows | None
    asked: Asked
    signal: Signal


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """An answered request.

    Attributes:
        id: of the request.
        signal: of all rows, in the order in which they were asked.
        parts: who answered which.
    """

    id: str
    signal: Signal
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, request_id: str, parts: tuple[Part, ...]) -> "Scored":
        """Parts that have every row of a request once."""
        if len(parts) == 1:
            return cls(request_id, parts[0].signal, parts)
        rows = [part.rows for part in parts if part.rows is not None]
        joined = Signal.concatenate([part.signal for part in parts])
        order = np.argsort(np.concatenate(rows))
        in_order = Signal(*(getattr(joined, name)[order] for name in Signal.names()))
        return cls(request_id, in_order, parts)


def _latest(windows: Windows, lookback: int) -> Windows:
    return np.ascontiguousarray(windows[:, -lookback:])
