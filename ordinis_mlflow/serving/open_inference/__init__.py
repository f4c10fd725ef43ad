"""The Open Inference Protocol, version 2, over HTTP: what clients of Triton and KServe speak.

Source: the protocol's REST specification, and Triton's extension for binary tensors, by which
numbers travel as they lie in memory.
"""

from ordinis_mlflow.serving.open_inference.routes import open_inference_routes

__all__ = ["open_inference_routes"]
