"""The graph in MLServer: a runtime of our own, since it has none for ONNX.

``mlserver start bench/peers/mlserver``, with ``model-settings.json`` beside this file and the rest
in the environment: no further process for the model (``MLSERVER_PARALLEL_WORKERS=0``), which is
faster with one, and adaptive batching as ``MLSERVER_MODEL_MAX_BATCH_SIZE`` and ``..._TIME`` say.
"""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.graph import OUTPUTS, Graph


class Signals(MLModel):
    """Bars to signals in the Open Inference Protocol."""

    async def load(self) -> bool:
        """Open the graph."""
        self.graph = Graph()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One tensor of windows to five of shape (n, 1)."""
        bars = NumpyCodec.decode_input(payload.inputs[0])
        outputs = [
            NumpyCodec.encode_output(name, values.reshape(-1, 1))
            for name, values in zip(OUTPUTS, self.graph.fields(bars), strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
