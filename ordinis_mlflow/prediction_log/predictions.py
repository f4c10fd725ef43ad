"""Predictions: what one version has answered to one request, as it is handed to the log."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.signal import Signal

ROW_BYTES = 256
"""Counted for a row besides its window: about what its scalars take while they wait."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who answered, and what its numbers mean; made once a loaded version.

    Attributes:
        arm: ``champion``, ``challenger`` or ``shadow``.
        model: registered name.
        version: of that name.
        feature_set: name and version of the features.
        features_digest: SHA-256, in hex, of what the features compute on the probe bars.
        horizon: bars ahead that mean and scale speak of.
        degrees_of_freedom: of the Student-t forecast.
    """

    arm: str
    model: str
    version: str
    feature_set: str
    features_digest: str
    horizon: int
    degrees_of_freedom: int

    @classmethod
    def of(cls, contract: ModelContract, arm: str, model: str, version: str) -> "Source":
        """Of a version that keeps this contract."""
        canonical = json.dumps(
            {name: list(values) for name, values in contract.fingerprint.items()}, sort_keys=True
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        return cls(
            *(arm, model, version, contract.feature_set, digest),
            *(contract.horizon, contract.degrees_of_freedom),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """One version's answer to one request, or to some rows of it. Arrays are kept, not copied.

    Attributes:
        source: who answered.
        request_id: of the request.
        answered_at: UTC nanoseconds.
        signal: of n windows.
        windows: shape (n, lookback, 5), float64, contiguous; None if they are not to be kept.
        rows: (n,) numbers of the request's rows; None for 0 to n - 1.
        symbols: one a window; None if unknown.
        bar_times: (n,) UTC nanoseconds of each window's last bar; None if unknown.
    """

    source: Source
    request_id: str
    answered_at: int
    signal: Signal
    windows: npt.NDArray[np.float64] | None = None
    rows: npt.NDArray[np.intp] | None = None
    symbols: tuple[str, ...] | None = None
    bar_times: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.signal)

    @property
    def nbytes(self) -> int:
        """Memory that it is counted with while it waits."""
        scalars = len(self.signal) * ROW_BYTES
        return scalars if self.windows is None else scalars + self.windows.nbytes
