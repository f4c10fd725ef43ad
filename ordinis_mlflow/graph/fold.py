"""Constant folding: a graph whose weights are initialisers and not computed from initialisers."""

import tempfile
from pathlib import Path

import onnx

from ordinis_mlflow.graph.runtime import onnxruntime


def fold_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph in standard operators, with constants folded and duplicates merged.

    The exporter computes an LSTM's weights with Slice and Concat; quantisation overlooks those
    without a word. ONNX Runtime's basic optimisations fold them.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return onnx.load(options.optimized_model_filepath)
