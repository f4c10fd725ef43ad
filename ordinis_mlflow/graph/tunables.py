"""Tunables of a session: what of SessionSettings may be tuned on a kind of machine, and how far.

ONNX Runtime's own threads are no tunables: a session has one of either kind, and a batch is cut
into chunks for more. On two busy cores two intra-op threads ran 1, 8, 64 and 500 windows at 0.84,
1.10, 0.55 and 0.53 times the speed of our default, where 1.10 may be noise, and two inter-op
threads at 0.08 to 0.50 times; they spin besides, at the cost of whatever else is served.
bench/tune_serving.py measures it.
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
LEVELS = ("disabled", "basic", "extended", "all")


def session_space(machine: Machine) -> Space:
    """What may be tried on a machine, held to SessionSettings and with its defaults.

    Raises:
        InvalidSpace: the two do not fit each other.
    """
    params: list[Param] = [
        # In the order of how many there are: 0 is one a core.
        OrdinalParam("threads", (*range(1, min(machine.cores, MOST_CORES)), 0)),
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
        Condition("threads", "provider", values=("cpu",)),
        Condition("chunk_size", "provider", values=("cpu",)),
        Condition("cuda_chunk_size", "provider", values=("auto",)),
    )
    return Space.of(SessionSettings, params, conditions)


def settings_of(configuration: Configuration) -> SessionSettings:
    """The settings that a point of the space stands for."""
    values: dict[str, Any] = dict(configuration)
    return SessionSettings(**values)
