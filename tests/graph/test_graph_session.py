"""GraphSession: the same answers however a batch is cut, and a plain word where it cannot run."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from graph_models import LARGE, LOOKBACK, SMALL, exported, random_windows

from ordinis_mlflow.errors import InvalidConfig, OrdinisError, ProviderUnavailable
from ordinis_mlflow.graph import session as session_module
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.signal import largest_difference

BARS = random_windows(70)


def opened(case=LARGE, **settings):
    settings = {"provider": "cpu", "threads": 1, **settings}
    return GraphSession(exported(case).graph.SerializeToString(), SessionSettings(**settings))


@pytest.fixture(scope="module")
def one_by_one():
    session = opened()
    return [session.run(BARS[i : i + 1]) for i in range(len(BARS))]


def rows(signal, start, stop):
    return type(signal)(*(values[start:stop] for _, values in signal.columns()))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk_size", [1, 3, 32, 1000])
def test_chunks_do_not_change_answers(threads, chunk_size, one_by_one):
    session = opened(threads=threads, chunk_size=chunk_size)
    for n in (1, 4, 5, 33, 70):
        answered = session.run(BARS[:n])
        assert len(answered) == n
        for i in range(n):
            assert largest_difference(rows(answered, i, i + 1), one_by_one[i]) <= 1e-6


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("own", [{"intra_op_threads": 2}, {"inter_op_threads": 2}])
def test_the_runtimes_own_threads_do_not_change_answers(threads, own, one_by_one):
    session = opened(threads=threads, **own)
    answered = session.run(BARS)
    for i in range(len(BARS)):
        assert largest_difference(rows(answered, i, i + 1), one_by_one[i]) <= 1e-6


def test_the_runtimes_own_threads_rest_when_a_run_is_over():
    session = opened(intra_op_threads=2)
    for _ in range(3):
        session.run(BARS)
    before = time.process_time()
    time.sleep(0.1)
    assert time.process_time() - before < 0.02  # they would spin for half of it


FEW_WINDOWS = """
import sys
import numpy as np
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
model, bars = open(sys.argv[1], "rb").read(), np.load(sys.argv[2], allow_pickle=False)
for threads in (3, 8, 64):
    session = GraphSession(model, SessionSettings(provider="cpu", threads=threads))
    for n in (1, 4, 5, 6, 9):
        print(threads, n, flush=True)
        answered = session.run(bars[:n])
        assert len(answered) == n and np.isfinite(answered.mean).all()
print("done")
"""


def test_more_threads_than_windows_is_fine(tmp_path):
    # In a process of its own: ONNX Runtime's LSTM aborts the process on a batch of no windows.
    (tmp_path / "model.onnx").write_bytes(exported(LARGE).graph.SerializeToString())
    np.save(tmp_path / "bars.npy", BARS[:9], allow_pickle=False)
    done = subprocess.run(
        [sys.executable, "-c", FEW_WINDOWS, tmp_path / "model.onnx", tmp_path / "bars.npy"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"died at (threads, windows) {done.stdout.split()[-2:]}"


@pytest.mark.parametrize("level", ["disabled", "basic", "extended", "all"])
def test_optimisation_does_not_change_answers(level):
    answered = opened(graph_optimization=level).run(BARS[:6])
    assert largest_difference(answered, opened().run(BARS[:6])) <= 1e-5


def test_windows_may_be_views(one_by_one):
    strided = np.repeat(BARS[:3], 2, axis=0)[::2]
    assert not strided.flags.c_contiguous
    answered = opened().run(strided)
    assert largest_difference(rows(answered, 2, 3), one_by_one[2]) <= 1e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_callers_at_once_get_their_own_rows(threads, one_by_one):
    session = opened(threads=threads, chunk_size=4)

    def ask(caller):
        index = np.random.default_rng(caller).permutation(len(BARS))[: 1 + 3 * caller]
        return index, session.run(BARS[index])

    with ThreadPoolExecutor(8) as pool:
        for index, answered in pool.map(ask, list(range(8)) * 3):
            for at, i in enumerate(index):
                assert largest_difference(rows(answered, at, at + 1), one_by_one[i]) <= 1e-6


def test_scaler_constants_are_the_modules():
    module = exported(SMALL).module
    center, scale = opened(SMALL).scaler_constants(LOOKBACK)
    np.testing.assert_array_equal(center, module.scaler_center.numpy())
    np.testing.assert_array_equal(scale, module.scaler_scale.numpy())
    assert center.dtype == scale.dtype == np.float64


def test_cpu_is_what_runs():
    assert opened().provider == "CPUExecutionProvider"


def without_cuda(monkeypatch):
    providers = ["CPUExecutionProvider"]
    monkeypatch.setattr(session_module.onnxruntime, "get_available_providers", lambda: providers)


def test_cuda_that_is_not_there_is_refused(monkeypatch):
    without_cuda(monkeypatch)
    with pytest.raises(ProviderUnavailable) as caught:
        opened(provider="cuda")
    message = str(caught.value)
    for part in ("'cuda' was asked for", onnxruntime.__version__, "CPUExecutionProvider", "'auto'"):
        assert part in message
    assert isinstance(caught.value, OrdinisError)
    assert isinstance(caught.value, RuntimeError)


def test_auto_takes_the_cpu_where_there_is_no_gpu(monkeypatch):
    without_cuda(monkeypatch)
    assert opened(provider="auto").provider == "CPUExecutionProvider"


def falls_back(monkeypatch):
    """A machine whose ONNX Runtime lists CUDA but cannot load it: it runs on the CPU instead."""
    real = onnxruntime.InferenceSession
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(session_module.onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(
        session_module.onnxruntime,
        "InferenceSession",
        lambda model, options, providers: real(model, options, providers=["CPUExecutionProvider"]),
    )


def test_listed_but_broken_cuda_is_refused_and_auto_falls_back(monkeypatch):
    falls_back(monkeypatch)
    with pytest.raises(ProviderUnavailable, match="cannot run it here"):
        opened(provider="cuda")
    assert opened(provider="auto").provider == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"provider": "tpu"}, "provider must be auto, cpu or cuda, got 'tpu'"),
        ({"provider": "CPUExecutionProvider"}, "provider must be"),
        ({"graph_optimization": "most"}, r"one of \['all', 'basic', 'disabled', 'extended'\]"),
        ({"threads": -1}, "threads must be 0 or more"),
        ({"chunk_size": 0}, "chunks at least 1 window"),
        ({"intra_op_threads": 0}, "intra_op_threads and inter_op_threads must be 1 or more"),
        ({"inter_op_threads": -1}, "must be 1 or more, got 1 and -1"),
        ({"cuda_chunk_size": 0}, "chunks at least 1 window"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(InvalidConfig, match=message):
        SessionSettings(**settings)
