"""Rounds: servers in turn, A B C A B C ..., so that a machine whose speed drifts slows all."""

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bench.load.closed import closed_loop
from bench.load.single import one_connection
from bench.measure import Pair, pair
from bench.serving.contender import Contender
from bench.serving.running import Running
from ordinis_mlflow.errors import ServingError

CONNECTIONS, WRK_SECONDS = 8, 3
REQUESTS, WARM_UP = 200, 300


@contextlib.contextmanager
def running(*contenders: Contender) -> Iterator[list[Running]]:
    """All of them at once; each has answered once."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Running(each)) for each in contenders]


def in_turn(
    measure: Callable[[Running], float], servers: Sequence[Running], rounds: int
) -> list[tuple[float, ...]]:
    """One figure a server, one tuple a round; a first round warms up and is left out."""
    return [tuple(measure(each) for each in servers) for _ in range(rounds + 1)][1:]


def seconds_a_request(server: Running, requests: int = REQUESTS) -> float:
    """Median over one block of requests on one connection."""
    return float(np.median(one_connection(server.post, requests)))


def seconds_an_answer(server: Running) -> float:
    """Seconds between answers when several connections ask as fast as they can: 1 / throughput.

    Raises:
        ServingError: an answer was not 200, or a connection broke.
    """
    load = closed_loop(server.post, CONNECTIONS, WRK_SECONDS)
    if load.refused or load.broken:
        raise ServingError(f"{server.contender.name} refused under load: {load}")
    return 1 / load.rate


def against(times: Sequence[tuple[float, ...]], other: int) -> Pair:
    """The first of each round over another one of the same round."""
    return pair([(each[0], each[other]) for each in times])


def rates(times: Sequence[tuple[float, ...]], servers: Sequence[Running]) -> str:
    """Median answers a second of each server."""
    medians = (1 / statistics.median(each) for each in zip(*times, strict=True))
    return ", ".join(
        f"{server.contender.name} {rate:.0f}/s"
        for server, rate in zip(servers, medians, strict=True)
    )
