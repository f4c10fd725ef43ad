"""The table of all metrics, in Markdown: ``python -m ordinis_mlflow.telemetry.table``."""

from ordinis_mlflow.telemetry.buckets import LATENCY_RANGE_S, LATENCY_S, QUANTILE_ERROR
from ordinis_mlflow.telemetry.names import DEFINITIONS, GROUPS, Definition

HEAD = f"""# The metrics

Made by `make docs` from the definitions; a test holds it to them.

`/metrics` of `serve` has all of them; plain `mlflow models serve` has those of requests that
reached the model, of runs, signals and versions at a port of its own when `ORDINIS_METRICS_PORT` is
set (`ORDINIS_METRICS_HOST`: the address, by default 127.0.0.1).

**Quantiles.** Durations have {len(LATENCY_S) - 1} buckets from {LATENCY_RANGE_S[0]:g} s to
{LATENCY_RANGE_S[1]:g} s, of one ratio below {1 + QUANTILE_ERROR:g}: whatever the latencies are, a
p50, p95 or p99 that `histogram_quantile` reads in this range is at most {QUANTILE_ERROR:.0%} wrong,
and fewer buckets cannot promise it (the worst case, all in one bucket, is that of a steady server).
A value that is no number counts in a histogram's last bucket, and is not in its sum.

**Several workers.** Any of them answers for all. Counters and histograms are added up, those of
workers that have ended too; gauges are of the workers that run: their sum, or the largest.

**Versions.** The series of a version end when no worker serves it any more, so that
`ordinis_model_info` is a version timeline; while a new one is being swapped in, both stand. The
ages are reckoned when they are scraped.

**Labels.** `route` is a pattern of the server's, never a path that somebody asked for; `arm` is
`champion`, `challenger` or `shadow`; `kind` and `reason` are words of the program.

**Drift.** The monitor leaves its scores in a small file, which is read at each scrape; without one
there are no such series.
"""
COLUMNS = ("metric", "kind", "unit", "labels", "workers", "meaning")
WORKERS = {"livesum": "sum", "livemax": "largest"}


def markdown() -> str:
    """Every metric once under its group, then the histograms' bounds."""
    lines = [HEAD]
    for name, definitions in GROUPS.items():
        lines += [f"## {name}", "", *_table(COLUMNS, [_cells(each) for each in definitions]), ""]
    histograms = [_bounds(each) for each in DEFINITIONS if each.bounds]
    lines += ["## Buckets", "", *_table(("histogram", "bounds", "from", "to"), histograms)]
    return "\n".join(lines) + "\n"


def _cells(each: Definition) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in each.labels)
    return (f"`{each.name}`", each.kind, each.unit, labels, _workers(each), each.help)


def _workers(each: Definition) -> str:
    if each.kind != "gauge":
        return "sum"
    return WORKERS[each.workers] if each.workers else "derived"


def _bounds(each: Definition) -> tuple[str, ...]:
    first, last = each.bounds[0], each.bounds[-1]
    return (f"`{each.name}`", str(len(each.bounds)), f"{first:g}", f"{last:g}")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *escaped)]


if __name__ == "__main__":
    print(markdown(), end="")
