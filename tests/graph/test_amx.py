"""While AMX is refused the thread's signal stack is small; afterwards it is what it was."""

import platform
import subprocess
import sys

import numpy as np
import pytest
from graph_models import SMALL, exported, random_windows

from ordinis_mlflow.graph import amx
from ordinis_mlflow.graph.amx import amx_refused
from ordinis_mlflow.graph.session import GraphSession, SessionSettings

linux = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64",
    reason="AMX is asked for on Linux on x86-64 alone",
)


# In processes of their own: once torch has been granted AMX, the kernel refuses so small a stack.
CURRENT = """
import ctypes
import threading
from ordinis_mlflow.graph import amx
from ordinis_mlflow.graph.amx import STACK_BYTES, amx_refused

class Stack(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))

def current():
    stack = Stack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    return stack.pointer, stack.flags, stack.size
"""
CHECKS = {
    "restored": """
before = current()
with amx_refused():
    during = current()
assert during != before and during[2] == STACK_BYTES
assert current() == before
""",
    "own stack restored": """
import faulthandler
faulthandler.enable()
before = current()
assert before[0]
with amx_refused():
    assert current()[2] == STACK_BYTES
assert current() == before
""",
    "another thread": """
seen = []
def check():
    seen.append(current())
    with amx_refused():
        seen.append(current())
    seen.append(current())
main = current()
thread = threading.Thread(target=check)
thread.start()
thread.join()
assert seen[0] == seen[2] != seen[1] and seen[1][2] == STACK_BYTES
assert current() == main
""",
    "after an error": """
before = current()
try:
    with amx_refused():
        raise ImportError
except ImportError:
    assert current() == before
""",
    "nested": """
before = current()
with amx_refused():
    outer = current()
    with amx_refused():
        assert current() != outer
    assert current() == outer
assert current() == before
""",
    "refused by the kernel": """
amx.STACK_BYTES = 16  # below the least size
before = current()
with amx_refused():
    assert current() == before
assert current() == before
""",
}


@linux
@pytest.mark.parametrize("check", CHECKS)
def test_signal_stack(check):
    code = CURRENT + CHECKS[check]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("system", "machine"), [("Windows", "x86_64"), ("Linux", "aarch64")])
def test_elsewhere_nothing_happens(system, machine, monkeypatch):
    monkeypatch.setattr(amx.platform, "system", lambda: system)
    monkeypatch.setattr(amx.platform, "machine", lambda: machine)
    monkeypatch.setattr(amx.ctypes, "CDLL", None)
    with amx_refused():
        pass


def test_onnxruntime_still_works():
    with amx_refused():
        model = exported(SMALL).graph.SerializeToString()
        session = GraphSession(model, SessionSettings(provider="cpu", threads=2))
        answered = session.run(random_windows(9))
    assert np.isfinite(answered.mean).all()


@linux
def test_crash_handler_survives_the_import():
    # faulthandler's own stack must be back when a signal comes.
    code = (
        "import faulthandler; faulthandler.enable()\n"
        "from ordinis_mlflow.graph.runtime import onnxruntime\n"
        "faulthandler._sigsegv()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -11
    assert "Segmentation fault" in done.stderr
