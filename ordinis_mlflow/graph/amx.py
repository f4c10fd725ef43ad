"""Keeping ONNX Runtime off AMX tiles, which make small INT8 products slow.

ONNX Runtime (1.14 to 1.32) runs every INT8 product with AMX where the processor has it, also the
product of one row that an LSTM makes at each step. There the tile set-up costs more than the
product (docs/log.md has figures), and no option turns it off. A Linux process may use AMX only
after it has asked the kernel, and the kernel refuses a process in which a thread's alternate signal
stack is too small for the tiles' registers. ONNX Runtime asks once, when it is imported, and uses
AVX-512 VNNI when refused.
"""

import contextlib
import ctypes
import platform
from collections.abc import Iterator

STACK_BYTES = 8192
"""Enough for a signal with AVX-512 registers (3.5 KiB), too little for one with AMX (11 KiB)."""


class _SignalStack(ctypes.Structure):
    """``stack_t`` of <signal.h>."""

    _fields_ = (
        ("pointer", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


@contextlib.contextmanager
def amx_refused() -> Iterator[None]:
    """Have the kernel refuse AMX to whoever asks meanwhile; the thread's signal stack is restored.

    Does nothing on other systems, or where the kernel does not accept so small a stack.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        yield
        return
    sigaltstack = ctypes.CDLL(None).sigaltstack
    memory = ctypes.create_string_buffer(STACK_BYTES)
    small = _SignalStack(ctypes.addressof(memory), 0, STACK_BYTES)
    previous = _SignalStack()
    if sigaltstack(ctypes.byref(small), ctypes.byref(previous)) != 0:
        yield
        return
    try:
        yield
    finally:
        sigaltstack(ctypes.byref(previous), None)
