"""Measuring in pairs: two things in turn, so that a machine whose speed drifts slows both."""

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """Seconds a call of two things, measured in turn.

    Attributes:
        first: median seconds a call.
        second: median seconds a call.
        ratios: first over second, one a round.
    """

    first: float
    second: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Row:
    """One figure of a table.

    Attributes:
        key: in the JSON.
        what: is compared with what.
        value: the figure.
        bar: what it should reach; None for a figure that only informs.
        at_most: whether the bar is an upper one.
        detail: absolute figures and spread.
    """

    key: str
    what: str
    value: float
    bar: float | None
    at_most: bool
    detail: str

    @property
    def verdict(self) -> str:
        """The bar, and whether it is reached."""
        if self.bar is None:
            return ""
        met = self.value <= self.bar if self.at_most else self.value >= self.bar
        return f"{'<=' if self.at_most else '>='} {self.bar:<4g}  {'met' if met else 'NOT MET'}"


def paired(
    first: Callable[[], object], second: Callable[[], object], rounds: int, calls: int
) -> Pair:
    """Time both in turn, A B A B ..., ``calls`` calls at a time."""
    for function in (first, second):
        _seconds(function, calls)
    times = [(_seconds(first, calls), _seconds(second, calls)) for _ in range(rounds)]
    return pair(times)


def pair(times: Sequence[tuple[float, float]]) -> Pair:
    """From seconds a call of both, one tuple a round."""
    ratios = tuple(a / b for a, b in times)
    return Pair(
        statistics.median(a for a, _ in times), statistics.median(b for _, b in times), ratios
    )


def spread(measured: Pair, scale: float = 1e6, unit: str = "µs") -> str:
    """Medians of both and the range of the ratio."""
    low, high = min(measured.ratios), max(measured.ratios)
    return (
        f"{measured.first * scale:.4g} and {measured.second * scale:.4g} {unit}, "
        f"ratios {low:.2f} to {high:.2f}"
    )


def json_path(description: str | None) -> Path | None:
    """The benchmark's one argument, ``--json FILE``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    path: Path | None = parser.parse_args().json
    return path


def report(title: str, rows: Sequence[Row], path: Path | None) -> None:
    """Print the table, and write the figures if a file was named."""
    print(f"\n{title}\n{machine()}\n")
    widths = [max(len(row.key) for row in rows), max(len(row.what) for row in rows)]
    for row in rows:
        print(
            f"{row.key.ljust(widths[0])}  {row.what.ljust(widths[1])}  {row.value:7.3g}  "
            f"{row.verdict:16}  {row.detail}"
        )
    if path:
        path.write_text(json.dumps({row.key: row.value for row in rows}, indent=2) + "\n")


def machine() -> str:
    """Processor, cores and the versions that the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime", "mlflow"))
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores; {packages}"


def _seconds(function: Callable[[], object], calls: int) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        return (time.perf_counter() - start) / calls
    finally:
        gc.enable()
