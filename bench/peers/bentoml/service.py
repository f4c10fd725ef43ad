"""The graph in BentoML: ``bentoml serve bench.peers.bentoml.service:Signals``.

One worker; windows come and go as arrays. Batching is BentoML's own, which adapts how long it waits
to what it has measured. The access log is off; metrics stay on, as BentoML has them.
"""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType

from bench.peers.graph import Graph, batch_size

BATCH = batch_size(0)
OPTIONS = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 1000} if BATCH else {}


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Signals:
    """Bars to signals."""

    def __init__(self) -> None:
        self.graph = Graph()

    @bentoml.api(route="/signals", **OPTIONS)
    def signals(
        self, bars: Annotated[np.ndarray, DType("float64")]
    ) -> Annotated[np.ndarray, DType("float64")]:
        """From shape (n, lookback, 5) to (n, 5)."""
        return self.graph.table(bars)
