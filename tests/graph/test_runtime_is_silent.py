"""ONNX Runtime tells nobody which models are run."""

import os
import subprocess
import sys

import pytest

COUNT = """
import os, time, numpy
before = len(os.listdir("/proc/self/task"))
{imported}
time.sleep(0.3)
print(len(os.listdir("/proc/self/task")) - before)
"""


def threads_begun(imported):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", COUNT.format(imported=imported)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted in /proc")
def test_the_thread_that_would_tell_does_not_begin():
    plain = threads_begun("import onnxruntime")
    if not plain:
        pytest.skip("this build of ONNX Runtime tells nothing by itself")
    assert threads_begun("from ordinis_mlflow.graph import runtime") < plain
