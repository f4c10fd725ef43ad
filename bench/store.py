"""The feature store: 800 symbols, every business day of 2007 to 2020, 14 factors, on one core.

- Cold: bars that are in the store, computed and written; read: as one tensor, all rows proven by
  their digest. Qlib's published figures for its table: 147 s without caches, 47.6 s with its
  expression cache, 7.4 s with both caches.
- Over pandas and over TA-Lib: from a long table in memory to a long table in memory, nothing
  written, the same values. Pandas twice: with averages of the same finite memory as ours, and with
  its own recursive ones, which are another feature.
- Peak memory: of a process of its own, everything counted, over the bytes of the files written.
- Append: one day of every symbol, computing and writing it alone and with its ingest.
- Growth: the program's processor time a row, the largest size over the smallest; wall time beside
  it, which the machine's handing out of memory and writing of files make noisy.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import torch

from bench.market import DAYS, FACTORS, SYMBOLS, market
from bench.measure import Row, json_path, report
from bench.others import over_others
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.store import (
    Arrival,
    Catalogue,
    Files,
    Manifest,
    Store,
    ingest,
    materialize,
    read,
)

COLD_ROUNDS, READS, APPENDED = 3, 5, 10
SIZES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Built:
    """A store with one data set and its factors, and the seconds that it took."""

    store: Store
    snapshot: Manifest
    ingested: float
    computed: float


def main() -> None:
    path = json_path(__doc__)
    on_one_core()
    bars = market()
    rows = [*cold_and_read(bars), memory(bars), *append(bars), *over_others(), *growth(bars)]
    report("The feature store", rows, path)


def on_one_core() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for limit in (pa.set_cpu_count, pa.set_io_thread_count, torch.set_num_threads):
        limit(1)


def new_store(folder: str) -> Store:
    return Store(Files(f"{folder}/store"), Catalogue(f"sqlite:///{folder}/catalogue.db"))


def build(store: Store, bars: Bars) -> Built:
    """Ingest bars, and compute and write their factors."""
    start = time.perf_counter()
    done = ingest(store, "market", Arrival("generated", bars, pd.DataFrame()))
    middle = time.perf_counter()
    snapshot = materialize(store, done.snapshot, FACTORS)
    return Built(store, snapshot, middle - start, time.perf_counter() - middle)


def cold_and_read(bars: Bars) -> list[Row]:
    computed, reads = [], []
    for _ in range(COLD_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            built = build(new_store(folder), bars)
            computed.append(built.computed)
            reads += [seconds_of_reading(built) for _ in range(READS)]
    rows = f"{built.snapshot.rows} rows of {len(FACTORS.names)}"
    return [
        seconds_row(
            "store.cold_seconds", "s to compute and write the snapshot", computed, 15, rows
        ),
        seconds_row("store.read_seconds", "s to read it as a tensor", reads, 1, rows),
    ]


def seconds_row(key: str, what: str, times: Sequence[float], bar: float, about: str) -> Row:
    detail = f"{about}; {len(times)} times, {min(times):.2f} to {max(times):.2f} s"
    return Row(key, what, statistics.median(times), bar, True, detail)


def seconds_of_reading(built: Built) -> float:
    start = time.perf_counter()
    tensor = torch.from_numpy(read(built.store.files, built.snapshot.name).values)
    seconds = time.perf_counter() - start
    assert tensor.shape == (built.snapshot.rows, len(FACTORS.names))
    return seconds


def memory(bars: Bars) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(folder)
        done = ingest(store, "market", Arrival("generated", bars, pd.DataFrame()))
        command = [sys.executable, "-m", "bench.peak", f"sqlite:///{folder}/catalogue.db"]
        command += [store.files.url, done.snapshot]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peak, written = map(int, output.split())
    detail = f"{peak / 2**20:.0f} MiB at most, {written / 2**20:.0f} MiB written"
    what = "peak memory of the process / bytes written"
    return Row("store.memory_over_output", what, peak / written, 3, True, detail)


def append(bars: Bars) -> list[Row]:
    """Days that come one by one, each over the full time of what was there before."""
    known = len(DAYS) - APPENDED
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(folder)
        whole = build(store, part(bars, slice(0, known)))
        days = [build(store, part(bars, slice(d, d + 1))) for d in range(known, len(DAYS))]
    computed = [day.computed / whole.computed for day in days]
    both = [(d.ingested + d.computed) / (whole.ingested + whole.computed) for d in days]
    milliseconds = 1e3 * statistics.median(day.computed for day in days)
    return [
        Row(
            "store.append_over_full",
            "a day computed and written / everything",
            statistics.median(computed),
            0.02,
            True,
            f"{milliseconds:.0f} ms of {whole.computed:.2f} s, {APPENDED} days, "
            f"{min(computed):.4f} to {max(computed):.4f}",
        ),
        Row(
            "store.append_over_full_ingest",
            "the same with the ingest of both",
            statistics.median(both),
            None,
            True,
            f"{min(both):.4f} to {max(both):.4f}",
        ),
    ]


def part(bars: Bars, days: slice) -> Bars:
    return Bars(tuple(series.part(days) for series in bars.series()))


def growth(bars: Bars) -> list[Row]:
    by_symbols = [first(bars, SYMBOLS * size // SIZES[-1], len(DAYS)) for size in SIZES]
    by_days = [first(bars, SYMBOLS, len(DAYS) * size // SIZES[-1]) for size in SIZES]
    return [
        growth_row("store.growth_symbols", "symbols", by_symbols),
        growth_row("store.growth_bars", "bars a symbol", by_days),
    ]


def first(bars: Bars, symbols: int, days: int) -> Bars:
    return part(Bars(bars.parts[:symbols]), slice(0, days))


def growth_row(key: str, of: str, sizes: Sequence[Bars]) -> Row:
    seconds = [min(cold_seconds(bars) for _ in range(COLD_ROUNDS)) for bars in sizes]
    counts = [len(bars.parts) if of == "symbols" else len(bars.parts[0]) for bars in sizes]
    rows = [len(bars.parts) * (len(bars.parts[0]) - FACTORS.lookback + 1) for bars in sizes]
    each = [(1e6 * user / n, 1e6 * wall / n) for (user, wall), n in zip(seconds, rows, strict=True)]
    lines = (
        f"{count}: {wall:.2f} s, {user:.2f} ({all_of_it:.2f}) µs a row"
        for count, (_, wall), (user, all_of_it) in zip(counts, seconds, each, strict=True)
    )
    what = f"processor (wall) time a row, {counts[-1]} {of} / {counts[0]}"
    return Row(key, what, each[-1][0] / each[0][0], 1.25, True, "; ".join(lines))


def cold_seconds(bars: Bars) -> tuple[float, float]:
    """Of computing and writing: the program's processor time, and wall time."""
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(folder)
        done = ingest(store, "market", Arrival("generated", bars, pd.DataFrame()))
        before, start = os.times().user, time.perf_counter()
        materialize(store, done.snapshot, FACTORS)
        return os.times().user - before, time.perf_counter() - start


if __name__ == "__main__":
    main()
