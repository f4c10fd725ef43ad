"""ONNX Runtime, imported in the one way that keeps it silent and small INT8 products fast (amx.py).

It asks the kernel for AMX when it is imported; a program that wants AMX imports onnxruntime first.
Where another library has AMX already, as torch after a bf16 product, nothing can be refused.

Its Linux builds tell their maker names and digests of models since 1.29, from a thread that begins
with the import. What a desk trades on is nobody's business: unless the environment says otherwise,
it is told not to.
"""

import os

from ordinis_mlflow.graph.amx import amx_refused

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
with amx_refused():
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

__all__ = ["onnxruntime", "ort_errors"]
