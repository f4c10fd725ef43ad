r"""Load for as long as it takes, every answer checked.

Several clients ask at a moderate rate. Each answer is compared with what the version that its
header ``X-Ordinis-Model`` names said to the same windows beforehand, so that a mixture of versions,
or of requests, is found. A tenth of the requests is malformed. Every minute a command may move the
alias; ``{turn}`` in it is 1, 2, ... through the versions and round again:

    python -m bench.soak --port 5001 --pid 4711 --minutes 60 \
        --model sp500/1=models:/sp500/1 --model sp500/2=models:/sp500/2 \
        --each-minute "mlflow run . -e rollback -P model=sp500 -P version={turn} -P reason=soak"

Ends with an error if an answer was wrong, missing, or a 5xx other than 503. Memory is reported, and
is for the reader to judge.
"""

import argparse
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from bench.models import measured
from bench.soaking.client import Client
from bench.soaking.expected import Expected
from bench.soaking.tally import Sample, Soak
from ordinis_mlflow import flavor

SAMPLE_S, MINUTE_S = 5.0, 60.0
WINDOWS = 100
STRIDE = 7


@dataclass(frozen=True)
class SoakSettings:
    """How a server is soaked.

    Attributes:
        port: on the loopback interface.
        seconds: how long.
        connections: clients at once.
        rate: requests a second of all together.
        malformed: share of malformed requests.
        pid: a process of the server, whose group's memory is watched; None for no watching.
        hook_s: seconds between calls of the hook.
        seed: of what is asked when.
    """

    port: int
    seconds: float
    connections: int = 8
    rate: float = 200.0
    malformed: float = 0.1
    pid: int | None = None
    hook_s: float = MINUTE_S
    seed: int = 0


def soak(
    settings: SoakSettings, expected: Expected, hook: Callable[[int], None] | None = None
) -> Soak:
    """Ask until the time is over.

    Args:
        settings: how.
        expected: requests and answers.
        hook: called every minute with 1, 2, ...; the clients go on meanwhile.
    """
    stop = threading.Event()
    clients = [
        Client(
            settings.port,
            expected,
            settings.rate / settings.connections,
            settings.malformed,
            settings.seed + number,
            stop,
        )
        for number in range(settings.connections)
    ]
    for client in clients:
        client.start()
    try:
        memory = _meanwhile(settings, hook)
    finally:
        stop.set()
        for client in clients:
            client.join()
    return Soak.of([client.counts for client in clients], memory)


def _meanwhile(settings: SoakSettings, hook: Callable[[int], None] | None) -> list[Sample]:
    memory: list[Sample] = []
    start, called = time.monotonic(), 0
    while (now := time.monotonic() - start) < settings.seconds:
        if settings.pid is not None and now >= len(memory) * SAMPLE_S:
            memory.append(Sample(now, group_bytes(settings.pid)))
        if hook and now >= (called + 1) * settings.hook_s:
            called += 1
            hook(called)
        time.sleep(0.05)
    return memory


def group_bytes(pid: int) -> int:
    """Resident memory of all processes of a process's group."""
    group = os.getpgid(pid)
    total = 0
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group:
                total += process.memory_info().rss
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue  # it ended meanwhile
    return total


def main() -> None:
    arguments = _arguments()
    models = dict(each.split("=", 1) for each in arguments.model)
    windows = measured().bars(WINDOWS * STRIDE)[::STRIDE]
    loaded = {label: flavor.load_model(uri) for label, uri in models.items()}
    settings = SoakSettings(
        arguments.port,
        MINUTE_S * arguments.minutes,
        arguments.connections,
        arguments.rate,
        pid=arguments.pid,
    )
    hook = _command(arguments.each_minute, len(models)) if arguments.each_minute else None
    result = soak(settings, Expected.of(loaded, windows), hook)
    print("\n".join(result.lines()))
    result.check()


def _command(command: str, turns: int) -> Callable[[int], None]:
    def run(minute: int) -> None:
        turn = 1 + minute % turns
        subprocess.run(shlex.split(command.replace("{turn}", str(turn))), check=True)

    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="of the server, on 127.0.0.1")
    parser.add_argument("--model", action="append", required=True, metavar="NAME/VERSION=URI")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second of all")
    parser.add_argument("--pid", type=int, help="of the server: the memory of its group is watched")
    parser.add_argument("--each-minute", metavar="COMMAND")
    return parser.parse_args()


if __name__ == "__main__":
    main()
