"""Several worker processes, one ``/metrics``: prometheus_client's multiprocess mode.

Each worker keeps its counts in files of its own, mapped into memory, in a directory that all share;
whichever is scraped adds them up. Counters and histograms of a worker that has ended still count;
its gauges do not.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ordinis_mlflow.errors import InvalidConfig

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported, and when it writes."""
_LIVE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


@contextmanager
def multiprocess_directory() -> Iterator[Path]:
    """The parent's part: a fresh directory, which processes started inside the block inherit.

    Where ``PROMETHEUS_MULTIPROC_DIR`` is set it is that one, emptied of an earlier server's counts
    (two servers must not share one); else a temporary one, removed in the end. The workers must be
    started anew (spawned), as prometheus_client chooses its mode when it is imported.
    """
    given = os.environ.get(DIRECTORY)
    directory = Path(given or tempfile.mkdtemp(prefix="ordinis-metrics-"))
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()
    os.environ[DIRECTORY] = str(directory)
    try:
        yield directory
    finally:
        if not given:
            del os.environ[DIRECTORY]
            shutil.rmtree(directory, ignore_errors=True)


def shared_directory() -> str | None:
    """Where this process and its siblings keep their counts; None if it counts alone.

    Raises:
        InvalidConfig: the variable and the mode that prometheus_client was imported in differ.
    """
    directory, shared = os.environ.get(DIRECTORY), bool(values.ValueClass._multiprocess)
    if bool(directory) != shared:
        then, now = ("set", "is not") if shared else ("not set", f"is {directory!r}")
        raise InvalidConfig(
            f"{DIRECTORY} was {then} when prometheus_client was imported and {now} now: set it "
            "before, and spawn workers, do not fork them"
        )
    if directory and not os.path.isdir(directory):
        raise InvalidConfig(
            f"{DIRECTORY} is {directory!r}, which is no directory: the workers' parent makes it"
        )
    return directory


class Workers(Collector):
    """What all workers of a directory have counted, and what those that run show."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._collector = MultiProcessCollector(None, directory)

    def collect(self) -> Iterable[Metric]:
        """Every family, merged."""
        _forget_ended(self._directory)
        families: Iterable[Metric] = self._collector.collect()
        return families


def _forget_ended(directory: str) -> None:
    """Take away the gauges of workers that run no more, whoever ended them and how.

    prometheus_client leaves it to the parent (``mark_process_dead``), which a parent that is not
    ours does not do.
    """
    for name in os.listdir(directory):
        match = _LIVE.fullmatch(name)
        if match and not _runs(int(match[1])):
            Path(directory, name).unlink(missing_ok=True)  # a sibling may have been faster


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
