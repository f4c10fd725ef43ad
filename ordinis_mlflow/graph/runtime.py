"""ONNX Runtime, imported in the one way that keeps small INT8 products fast (see amx.py).

It asks the kernel for AMX when it is imported; a program that wants AMX imports onnxruntime first.
Where another library has AMX already, as torch after a bf16 product, nothing can be refused.
"""

from ordinis_mlflow.graph.amx import amx_refused

with amx_refused():
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

__all__ = ["onnxruntime", "ort_errors"]
