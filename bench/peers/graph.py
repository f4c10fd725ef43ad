"""The graph as every peer and the floor open it: the runtime and options of GraphSession.

Only NumPy and ONNX Runtime are needed: a peer's environment has nothing else of ours.
"""

import os

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.graph.runtime import onnxruntime

FILE_VARIABLE = "BENCH_GRAPH"
"""Environment variable with the path of ``model.onnx``."""
BATCH_VARIABLE = "BENCH_BATCH"
"""Environment variable with the most requests of a batch; 0 turns batching off."""
INPUT = "bars"
OUTPUTS = ("mean", "scale", "probability_up", "direction", "strength")


class Graph:
    """One session with one thread, AMX refused as in ``ordinis_mlflow.graph``."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = os.environ[FILE_VARIABLE]
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

    def fields(self, bars: npt.NDArray[np.float64]) -> list[npt.NDArray[np.generic]]:
        """The five outputs for windows of shape (n, lookback, 5), each of shape (n,)."""
        found: list[npt.NDArray[np.generic]] = self.session.run(OUTPUTS, {INPUT: bars})
        return found

    def table(self, bars: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The same as columns of one table, shape (n, 5)."""
        return np.column_stack(self.fields(bars)).astype(np.float64)


def batch_size(default: int) -> int:
    """Most requests of a batch: the service's choice, or what the environment says."""
    return int(os.environ.get(BATCH_VARIABLE, default))
