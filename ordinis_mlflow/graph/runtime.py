"""ONNX Runtime, imported in the one way that keeps small INT8 products fast (see amx.py).

It asks the kernel for AMX when it is imported; a program that wants AMX imports onnxruntime first.
"""

from ordinis_mlflow.graph.amx import amx_refused

with amx_refused():
    import onnxruntime

__all__ = ["onnxruntime"]
