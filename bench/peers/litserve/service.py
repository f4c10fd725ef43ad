"""The graph in LitServe: ``python -m bench.peers.litserve.service PORT``.

One process takes requests and one runs the model, LitServe's smallest arrangement; they talk over
ZeroMQ (``fast_queue``), its faster way. A batch waits for 1 ms.
"""

import sys
from typing import Any

import litserve
import numpy as np
import numpy.typing as npt

from bench.peers.graph import OUTPUTS, Graph, batch_size

BATCH = batch_size(0)
WAIT_S = 0.001


class Signals(litserve.LitAPI):
    """Bars to signals, one window a request."""

    def setup(self, device: str) -> None:
        """Open the graph in the process that runs it."""
        self.graph = Graph()

    def decode_request(self, request: dict[str, Any]) -> npt.NDArray[np.float64]:
        """One window, shape (lookback, 5)."""
        return np.array(request["bars"])

    def predict(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Batched windows to rows; without batching one window to one row."""
        return self.graph.table(x) if BATCH else self.graph.table(x[np.newaxis])[0]

    def encode_response(self, output: npt.NDArray[np.float64]) -> dict[str, float]:
        """One row, shape (5,)."""
        return dict(zip(OUTPUTS, output.tolist(), strict=True))


def main() -> None:
    batching = {"max_batch_size": BATCH, "batch_timeout": WAIT_S} if BATCH else {}
    server = litserve.LitServer(
        Signals(api_path="/signals", **batching),
        accelerator="cpu",
        devices=1,
        workers_per_device=1,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
