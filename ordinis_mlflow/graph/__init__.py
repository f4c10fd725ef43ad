"""The ONNX graph: export, quantisation, parity, and the session that runs it.

Nothing is imported here: a serving process needs the session and neither onnx nor torch.
"""
