"""GraphSession: runs a signal graph in ONNX Runtime, on the provider that was asked for."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.errors import InvalidConfig, InvalidWindows, ProviderUnavailable
from ordinis_mlflow.graph.runtime import onnxruntime, ort_errors
from ordinis_mlflow.signal import Signal

INPUT = "bars"
SCALER_CENTER = "scaler_center"
SCALER_SCALE = "scaler_scale"

Provider: TypeAlias = Literal["auto", "cpu", "cuda"]
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
RUNTIME_ERRORS = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""What ONNX Runtime raises for a graph that it cannot load or run."""
WARNING, FATAL = 2, 4  # severities of ONNX Runtime's log; its own default is the first
WHOLE = 4
"""Batches up to this many windows are not cut: handing a chunk to a thread costs as much."""
LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


@dataclass(frozen=True)
class SessionSettings:
    """How a graph is run.

    ONNX Runtime's LSTM uses large batches badly: its time a window grows with the batch. A batch is
    therefore cut into chunks that run side by side, by default each on one thread.

    Attributes:
        provider: ``auto`` (CUDA where it works, else CPU), ``cpu`` or ``cuda``.
        threads: chunks that run side by side on the CPU; 0 for one a core.
        intra_op_threads: ONNX Runtime's own, on which an operator of the graph runs.
        inter_op_threads: ONNX Runtime's own, on which operators run side by side.
        chunk_size: most windows a chunk holds on the CPU.
        cuda_chunk_size: windows a chunk on a GPU, where large batches are what pays.
        graph_optimization: ``disabled``, ``basic``, ``extended`` or ``all``.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    provider: Provider = "auto"
    threads: int = 0
    intra_op_threads: int = 1
    inter_op_threads: int = 1
    chunk_size: int = 32
    cuda_chunk_size: int = 8192
    graph_optimization: str = "all"

    def __post_init__(self) -> None:
        if self.provider not in ("auto", *PROVIDERS):
            raise InvalidConfig(f"provider must be auto, cpu or cuda, got {self.provider!r}")
        if self.graph_optimization not in LEVELS:
            raise InvalidConfig(
                f"graph_optimization must be one of {sorted(LEVELS)}, "
                f"got {self.graph_optimization!r}"
            )
        if self.threads < 0 or self.chunk_size < 1 or self.cuda_chunk_size < 1:
            raise InvalidConfig(
                "threads must be 0 or more and chunks at least 1 window, got "
                f"{self.threads}, {self.chunk_size}, {self.cuda_chunk_size}"
            )
        if self.intra_op_threads < 1 or self.inter_op_threads < 1:
            raise InvalidConfig(
                "intra_op_threads and inter_op_threads must be 1 or more, got "
                f"{self.intra_op_threads} and {self.inter_op_threads}"
            )


class GraphSession:
    """A loaded graph. Safe to use from several threads at once.

    Raises:
        ProviderUnavailable: the provider asked for is not the one that would run.
    """

    def __init__(self, model: bytes, settings: SessionSettings | None = None) -> None:
        self.model = model
        self.settings = settings or SessionSettings()
        self._session = _open(model, self.settings)
        self.provider = self._session.get_providers()[0]
        on_gpu = self.provider == PROVIDERS["cuda"]
        self._chunk = self.settings.cuda_chunk_size if on_gpu else self.settings.chunk_size
        self._threads = 1 if on_gpu else self.settings.threads or os.cpu_count() or 1
        more = self._threads - 1  # than the calling one
        self._pool = ThreadPoolExecutor(more, "signal") if more else None

    def run(self, bars: npt.NDArray[np.float64], whole: bool = False) -> Signal:
        """The signal of each window.

        Args:
            bars: shape (windows, lookback, 5), float64.
            whole: not cut into chunks, but run on the calling thread.

        Raises:
            InvalidWindows: there are none (ONNX Runtime's LSTM would abort the process).
        """
        if not len(bars):
            raise InvalidWindows("there are no windows: send one at least")
        if whole or len(bars) <= WHOLE:
            return self._run(bars)
        pieces = max(self._threads, -(-len(bars) // self._chunk))
        chunks = np.array_split(bars, min(pieces, len(bars)))
        return Signal.concatenate(self._side_by_side(chunks))

    def scaler_constants(self, lookback: int) -> tuple[npt.NDArray[np.float64], ...]:
        """Center and scale that the graph normalises with, as the running session holds them."""
        bars = np.ones((1, lookback, 5))
        center, scale = self._session.run([SCALER_CENTER, SCALER_SCALE], {INPUT: bars})
        return center, scale

    def _side_by_side(self, chunks: list[npt.NDArray[np.float64]]) -> list[Signal]:
        """The pool begins with the first, the calling thread with the last one."""
        if self._pool is None:
            return [self._run(chunk) for chunk in chunks]
        tasks = [(self._pool.submit(self._run, chunk), chunk) for chunk in chunks]
        own = [self._run(chunk) for task, chunk in reversed(tasks) if task.cancel()]
        others = [task.result() for task, _ in tasks if not task.cancelled()]
        return others + own[::-1]

    def _run(self, bars: npt.NDArray[np.float64]) -> Signal:
        return Signal(*self._session.run(Signal.names(), {INPUT: np.ascontiguousarray(bars)}))


def _open(model: bytes, settings: SessionSettings) -> onnxruntime.InferenceSession:
    wanted = [settings.provider] if settings.provider != "auto" else ["cuda", "cpu"]
    for name in wanted:
        provider = PROVIDERS[name]
        if provider not in onnxruntime.get_available_providers():
            continue
        session = _session(model, settings, provider)
        # The list of available providers names some whose libraries cannot be loaded; ONNX Runtime
        # then falls back to the CPU. Only the session knows which provider runs.
        if session.get_providers()[0] == provider:
            return session
    raise ProviderUnavailable(
        f"provider {settings.provider!r} was asked for, but ONNX Runtime {onnxruntime.__version__} "
        f"cannot run it here (it lists {onnxruntime.get_available_providers()}); install its "
        "libraries or ask for 'cpu' or 'auto'"
    )


def _session(
    model: bytes, settings: SessionSettings, provider: str
) -> onnxruntime.InferenceSession:
    # What fails to load is said by us, once, and only if it was asked for.
    onnxruntime.set_default_logger_severity(FATAL)
    try:
        return onnxruntime.InferenceSession(model, _options(settings), providers=[provider])
    finally:
        onnxruntime.set_default_logger_severity(WARNING)


def _options(settings: SessionSettings) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = settings.inter_op_threads
    if settings.inter_op_threads > 1:
        options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    # Its threads wait for work by spinning, and would go on for some 50 ms after each run, at the
    # cost of whatever else the machine does.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.graph_optimization_level = LEVELS[settings.graph_optimization]
    options.log_severity_level = FATAL
    return options
