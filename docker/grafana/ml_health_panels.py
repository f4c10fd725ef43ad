"""The table of the dashboard "ML health": a row is a panel, with its unit and its queries.

Series that begin with ``ordinis:`` are recorded by docker/prometheus/rules.yml; the limits drawn
are those of its alerts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

RATE = "[$__rate_interval]"
"""Grafana's: four scrapes, or more when it is zoomed out."""
OLDEST_S = 103_680_000
RELOADS = "ordinis_reload_duration_seconds_count"
CHECKED = "ordinis_drift_checked_timestamp_seconds"
Query = tuple[str, str]
"""PromQL and legend."""


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        title: of it.
        queries: PromQL and legend of each.
        unit: Grafana's name of it.
        kind: Grafana's name of it.
        width: columns of 24.
        limit: above it is drawn in red.
        says: what a reader has to know.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    limit: float | None = None
    says: str = ""


def rate(counter: str, *by: str, says: str = "") -> Query:
    """A counter's events a second."""
    return f"sum by ({', '.join(by)}) (rate({counter}{RATE}))", says + _values(by)


def quantiles(metric: str, *by: str, of: tuple[float, ...] = (0.5, 0.99)) -> Iterator[Query]:
    """Quantiles of a histogram."""
    buckets = f"sum by ({', '.join(('le', *by))}) (rate({metric}_bucket{RATE}))"
    for q in of:
        yield f"histogram_quantile({q}, {buckets})", f"p{q * 100:g} {_values(by)}"


def mean(metric: str) -> Query:
    """Mean of a histogram."""
    return f"sum(rate({metric}_sum{RATE})) / sum(rate({metric}_count{RATE}))", "mean"


def _values(labels: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


VERSIONS: Query = (
    "max by (arm, model, version) (ordinis_model_info)",
    "{{arm}}: {{model}} {{version}}",
)
ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Servers that answer", (('sum(up{job="serving"})', ""),), kind="stat", width=4),
        Panel(
            "Alerts firing",
            (('count(ALERTS{alertname=~"Ordinis.*", alertstate="firing"}) or vector(0)', ""),),
            kind="stat", width=4, limit=1,
        ),
        Panel(
            "Serving", (VERSIONS,), kind="stat", width=8,
        ),
        Panel(
            "Requests in flight", (("sum(ordinis_requests_in_flight)", ""),), kind="stat", width=4
        ),
        Panel(
            "Model age", (('max(ordinis_model_age_seconds{arm="champion"})', ""),),
            unit="s", kind="stat", width=4, limit=OLDEST_S,
        ),
    ),
    "Requests": (
        Panel(
            "Latency",
            tuple((f"ordinis:request_duration_seconds:{p}", p) for p in ("p50", "p95", "p99")),
            unit="s", limit=0.05,
            says="Of requests for signals, over five minutes; from the first byte read to the last "
            "one given.",
        ),
        Panel(
            "Throughput",
            (
                rate("ordinis_requests_total", "route", "status"),
                rate("ordinis_windows_total", says="windows run"),
            ),
            unit="reqps",
        ),
        Panel(
            "Errors",
            (
                ("sum by (kind) (ordinis:errors:increase5m)", "{{kind}}"),
                ("ordinis:request_errors:share5m * 100", "5xx, % of requests for signals"),
            ),
            says="Within five minutes, by kind.",
        ),
    ),
    "The model's runs": (
        Panel(
            "Batch size",
            (*quantiles("ordinis_batch_windows"), mean("ordinis_batch_windows")),
            says="Windows that shared one run of the model.",
        ),
        Panel("Queue delay", tuple(quantiles("ordinis_queue_delay_seconds")), unit="s"),
        Panel("Time of a run", tuple(quantiles("ordinis_model_duration_seconds")), unit="s"),
    ),
    "Signals": (
        Panel(
            "Directions",
            (rate("ordinis_signals_total", "arm", "direction"),),
            unit="cps",
        ),
        Panel(
            "Probability of a rise",
            tuple(quantiles("ordinis_signal_probability_up", "arm", of=(0.05, 0.5, 0.95))),
            unit="percentunit",
        ),
        Panel(
            "Strength",
            tuple(quantiles("ordinis_signal_strength", "arm", of=(0.5, 0.95))),
            unit="percentunit",
        ),
    ),
    "Versions": (
        Panel(
            "Versions in service",
            (VERSIONS,),
            kind="state-timeline", width=12,
            says="A version's band ends when no server has it any more; while a new one is swapped "
            "in, both stand.",
        ),
        Panel(
            "Model age",
            (("max by (arm, version) (ordinis_model_age_seconds)", "{{arm}} {{version}}"),),
            unit="s", width=6, limit=OLDEST_S,
            says="Since the newest bar that it was fitted to.",
        ),
        Panel(
            "Reloads",
            (
                (f"sum by (arm) (increase({RELOADS}{RATE}))", "{{arm}} taken"),
                ("sum by (arm, kind) (ordinis:reload_failures:increase15m)", "{{arm}} {{kind}}"),
            ),
            width=6,
        ),
    ),
    "Drift": (
        Panel(
            "Distance from the reference, in limits",
            (
                (
                    "max by (version, column) (ordinis_drift_distance / ordinis_drift_limit)",
                    "{{version}} {{column}}",
                ),
            ),
            width=12, limit=1,
        ),
        Panel(
            "Alarm",
            (("max by (model, version) (ordinis_drift_alarm)", "{{model}} {{version}}"),),
            kind="state-timeline", width=6,
        ),
        Panel(
            "Since the monitor's last look",
            ((f"time() - max by (version) ({CHECKED})", "{{version}}"),),
            unit="s", width=6, limit=259_200,
        ),
    ),
    "Shadow and A/B": (
        Panel(
            "Difference of the means, in scales of the champion",
            tuple(quantiles("ordinis_shadow_mean_difference")),
            says="Of the same windows, champion and challenger.",
        ),
        Panel(
            "Windows on which they disagree",
            (
                (
                    f"sum(rate(ordinis_shadow_disagreements_total{RATE})) "
                    f"/ sum(rate(ordinis_shadow_mean_difference_count{RATE}))",
                    "share",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Windows that the challenger was not asked about",
            (
                rate("ordinis_shadow_dropped_windows_total", "kind", says="shadow: "),
                rate("ordinis_split_fallback_windows_total", "kind", says="split: "),
            ),
            unit="cps",
        ),
    ),
    "Prediction log": (
        Panel("Rows written", (rate("ordinis_prediction_log_rows_total"),), unit="cps"),
        Panel("Rows waiting", (("sum(ordinis_prediction_log_pending_rows)", ""),)),
        Panel(
            "Rows lost",
            (("sum by (reason) (ordinis:prediction_log_lost_rows:increase15m)", "{{reason}}"),),
            says="Within a quarter of an hour, by reason.",
        ),
    ),
}  # fmt: skip
