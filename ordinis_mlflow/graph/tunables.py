"""Tunables of a session: what of SessionSettings may be tuned on a kind of machine, and how far.

Cores can be used by chunks of a batch side by side, by ONNX Runtime's own threads in and between
operators, or by some of each: which is fastest depends on the processor, so all of it is measured.
"""

from typing import Any

from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.session import PROVIDERS, SessionSettings
from ordinis_mlflow.params import (
    CategoricalParam,
    Condition,
    Configuration,
    OrdinalParam,
    Param,
    Space,
)

CHUNKS = (4, 8, 16, 32, 64, 128, 256)
"""Windows."""
CUDA_CHUNKS = (512, 1024, 2048, 4096, 8192, 16384, 32768)
MOST_CORES = 1024
OWN_THREADS = ("intra_op_threads", "inter_op_threads")
LEVELS = ("disabled", "basic", "extended", "all")


def session_space(machine: Machine) -> Space:
    """What may be tried on a machine, held to SessionSettings and with its defaults.

    Raises:
        InvalidSpace: the two do not fit each other.
    """
    cores = range(1, min(machine.cores, MOST_CORES) + 1)
    params: list[Param] = [
        # In the order of how many there are: 0 is one a core.
        OrdinalParam("threads", (*cores[:-1], 0)),
        *(OrdinalParam(name, tuple(cores)) for name in OWN_THREADS),
        OrdinalParam("chunk_size", CHUNKS),
        OrdinalParam("graph_optimization", LEVELS),
    ]
    if machine.provider != PROVIDERS["cuda"]:
        return Space.of(SessionSettings, params)
    params += [
        CategoricalParam("provider", ("auto", "cpu")),
        OrdinalParam("cuda_chunk_size", CUDA_CHUNKS),
    ]
    conditions = (
        *(
            Condition(name, "provider", values=("cpu",))
            for name in ("threads", *OWN_THREADS, "chunk_size")
        ),
        Condition("cuda_chunk_size", "provider", values=("auto",)),
    )
    return Space.of(SessionSettings, params, conditions)


def settings_of(configuration: Configuration) -> SessionSettings:
    """The settings that a point of the space stands for."""
    values: dict[str, Any] = dict(configuration)
    return SessionSettings(**values)
