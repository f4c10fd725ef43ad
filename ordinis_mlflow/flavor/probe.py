"""The probe: fixed bars and the answers they must give; a model proves itself where it runs."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidArchive, InvalidContract, ProbeFailed
from ordinis_mlflow.graph.session import GraphSession
from ordinis_mlflow.npz import read_arrays
from ordinis_mlflow.signal import Signal, largest_difference

LIMITS: Mapping[str, float] = {"float32": 1e-4, "fp16": 2e-2, "int8": 2e-2}
"""Largest difference that another machine may make, in units of the score. Other instruction sets
sum in another order; an INT8 kernel that saturates, or another network, is off by far more."""

MOST_BYTES = 1 << 28
"""A probe is a few windows; one that unpacks to more is made to fill the memory."""


@dataclass(frozen=True, eq=False)
class Probe:
    """Bars and expected answers.

    Attributes:
        bars: shape (windows, lookback, 5), float64.
        expected: precision to the signal that its graph gave when it was packaged.

    Raises:
        InvalidContract: no windows, or not one answer a window.
    """

    bars: npt.NDArray[np.float64]
    expected: Mapping[str, Signal]

    def __post_init__(self) -> None:
        if self.bars.dtype != np.float64 or self.bars.ndim != 3 or not len(self.bars):
            raise InvalidContract(
                f"a probe needs float64 windows of bars, got {self.bars.dtype} {self.bars.shape}"
            )
        for precision, signal in self.expected.items():
            if any(values.shape != (len(self.bars),) for _, values in signal.columns()):
                raise InvalidContract(f"the probe needs one {precision} answer a window")

    def check(self, session: GraphSession, precision: str) -> None:
        """Run the probe.

        Raises:
            ProbeFailed: the answers differ by more than the precision's limit.
        """
        if precision not in self.expected:
            raise ProbeFailed(f"the probe holds no answers of the {precision} graph")
        error = largest_difference(session.run(self.bars), self.expected[precision])
        if not error <= LIMITS[precision]:
            raise ProbeFailed(
                f"the {precision} graph answers its probe differently on this machine: off by "
                f"{error:.3g} of the score, limit {LIMITS[precision]:g}, provider "
                f"{session.provider}; load another precision or provider, or package it anew here"
            )

    def to_bytes(self) -> bytes:
        """An .npz archive of plain arrays."""
        arrays = {
            f"{precision}_{name}": values
            for precision, signal in self.expected.items()
            for name, values in signal.columns()
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, bars=self.bars, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Probe":
        """Read what :meth:`to_bytes` wrote; nothing in it can run code.

        Raises:
            InvalidContract: not a probe.
        """
        try:
            arrays = read_arrays(content, MOST_BYTES)
            precisions = [p for p in LIMITS if f"{p}_mean" in arrays]
            expected = {
                p: Signal(*(arrays[f"{p}_{name}"] for name in Signal.names())) for p in precisions
            }
            return cls(arrays["bars"], expected)
        except (InvalidArchive, KeyError) as error:
            raise InvalidContract(f"probe.npz is not a probe: {error}") from error
