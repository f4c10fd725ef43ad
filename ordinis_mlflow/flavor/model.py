"""SignalModel: a loaded model, from windows or bars to signals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ordinis_mlflow.bars import COLUMNS, Bars, check_values
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import InvalidBars, InvalidWindows
from ordinis_mlflow.flavor.package import Package, open_session
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.signal import Signal

Windows = npt.NDArray[np.float64]

SPACING = 1.5
"""Bars may be this many times as far apart as the training bars were, or as near."""


@dataclass(frozen=True, eq=False)
class LatestWindows:
    """The latest window of each symbol.

    Attributes:
        symbols: one a window.
        timestamps: of each window's last bar, UTC.
        windows: shape (symbols, lookback, 5).
    """

    symbols: tuple[str, ...]
    timestamps: pd.DatetimeIndex
    windows: Windows


class SignalModel:
    """A packaged model that has proven itself on this machine. Safe to use from several threads.

    Args:
        package: read from a folder whose digests were checked.
        precision: ``float32``, ``int8`` or ``fp16``.
        settings: how the graph is run.
    """

    def __init__(
        self, package: Package, precision: str = "float32", settings: SessionSettings | None = None
    ) -> None:
        self.contract: ModelContract = package.contract
        self.scaler = package.scaler
        self.precision = precision
        self.probe_bars: Windows = package.probe.bars
        self.drift = package.drift
        self._session = open_session(package, precision, settings)

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that runs the graph."""
        return self._session.provider

    @property
    def settings(self) -> SessionSettings:
        """How the graph is run."""
        return self._session.settings

    def predict(self, windows: Windows) -> Signal:
        """The signal of each window.

        Args:
            windows: shape (n, lookback, 5), n ≥ 1; columns open, high, low, close, volume, oldest
                bar first.

        Raises:
            InvalidWindows: wrong shape or type, a bar breaks a rule, or the numbers are too extreme
                for a finite answer; window and rule are named.
        """
        signal = self.run(self.checked(windows))
        check_finite(signal)
        return signal

    def run(self, windows: Windows, whole: bool = False) -> Signal:
        """The signal of windows that :meth:`checked` gave; numbers of it may not be finite.

        Args:
            windows: shape (n, lookback, 5), n ≥ 1.
            whole: in one piece on the calling thread, for batches that are small.
        """
        return self._session.run(windows, whole)

    def signal(self, bars: Bars | pd.DataFrame) -> pd.DataFrame:
        """The latest signal of each symbol.

        Args:
            bars: at least ``lookback`` bars a symbol, of the training bars' frequency.

        Returns:
            One row a symbol: symbol, timestamp of its last bar, and the fields of Signal.

        Raises:
            InvalidBars: a bar breaks a rule, there are too few, or they have another frequency.
        """
        latest = self.latest(bars)
        signal = self.run(latest.windows)
        check_finite(signal)
        frame = signal.to_frame()
        frame.insert(0, "timestamp", latest.timestamps)
        frame.insert(0, "symbol", latest.symbols)
        return frame

    def latest(self, bars: Bars | pd.DataFrame) -> LatestWindows:
        """The latest window of each symbol, for :meth:`run`.

        Raises:
            InvalidBars: as :meth:`signal`.
        """
        parts = self._accepted(bars).latest(self.contract.lookback).parts
        return LatestWindows(
            symbols=tuple(part.symbol for part in parts),
            timestamps=pd.to_datetime([part.timestamps.asi8[-1] for part in parts], utc=True),
            windows=np.stack([part.values for part in parts]),
        )

    def signals(self, bars: Bars | pd.DataFrame) -> pd.DataFrame:
        """The signal at every bar that has a whole window behind it, as :meth:`signal` would say.

        Returns:
            One row a bar, symbol by symbol: symbol, timestamp, and the fields of Signal.
        """
        return self._signals(self._accepted(bars))

    def _signals(self, bars: Bars) -> pd.DataFrame:
        frames = []
        for series in bars.series():
            windows = sliding_window_view(series.values, self.contract.lookback, axis=0)
            signal = self.run(windows.swapaxes(1, 2))
            check_finite(signal)
            frame = signal.to_frame()
            frame.insert(0, "timestamp", series.timestamps[self.contract.lookback - 1 :])
            frame.insert(0, "symbol", series.symbol)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def _accepted(self, bars: Bars | pd.DataFrame) -> Bars:
        accepted = bars if isinstance(bars, Bars) else Bars.from_frame(bars)
        accepted.require(self.contract.lookback, "one window of this model")
        trained, given = self.contract.bar_spacing, accepted.frequency
        if not trained / SPACING <= given <= trained * SPACING:
            raise InvalidBars(
                f"the model was trained on bars {trained} apart, these are {given} apart "
                "(median): send bars of the model's frequency"
            )
        return accepted

    def checked(self, windows: npt.ArrayLike) -> Windows:
        """Windows as :meth:`run` takes them: contiguous float64 that obey every rule.

        Raises:
            InvalidWindows: wrong shape or type, or a bar breaks a rule.
        """
        shape = (self.contract.lookback, len(COLUMNS))
        try:
            array = np.asarray(windows)
        except ValueError as error:
            raise InvalidWindows(f"windows must be a rectangle of numbers: {error}") from error
        if array.dtype.kind not in "fiu":
            raise InvalidWindows(f"windows must be numbers, got an array of {array.dtype}")
        if array.ndim != 3 or array.shape[1:] != shape or not len(array):
            raise InvalidWindows(
                f"windows must have shape (n, {shape[0]}, {shape[1]}) with n >= 1 and columns "
                f"{', '.join(COLUMNS)}, got {array.shape}"
            )
        array = np.ascontiguousarray(array, dtype=np.float64)
        violation = check_values(array)
        if violation is not None:
            window, bar = violation.index[:2]
            raise InvalidWindows(f"window {window}, bar {bar}: {violation.rule}")
        return array


def check_finite(signal: Signal) -> None:
    """Refuse an answer with a number that is not finite.

    Raises:
        InvalidWindows: bars that obey the rules were too extreme for the model; names the window.
    """
    finite = np.isfinite(signal.mean) & np.isfinite(signal.scale) & np.isfinite(signal.strength)
    if not finite.all():
        raise InvalidWindows(
            f"window {int(np.argmin(finite))}: the model has no finite answer; its prices or "
            "volumes are too extreme"
        )
