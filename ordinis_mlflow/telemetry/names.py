"""Every Prometheus name, unit and label, once. docs/metrics.md is made of it."""

from dataclasses import dataclass
from typing import Literal

from ordinis_mlflow.telemetry import buckets

MODEL = ("arm", "model", "version")
DRIFT = ("model", "version")
Merge = Literal["livemax", "livesum"] | None
LATEST: Merge = "livemax"
SUM: Merge = "livesum"
"""How gauges of several workers become one: of the living only."""


@dataclass(frozen=True)
class Definition:
    """What stands at ``/metrics`` under one name.

    Attributes:
        name: as it is exposed, its unit in it; counters end in ``_total``.
        kind: ``counter``, ``gauge`` or ``histogram``.
        unit: of its values.
        help: one sentence.
        labels: names, each with a bounded set of values.
        bounds: upper bounds of a histogram's buckets, without +Inf.
        workers: how a gauge's values of several workers become one; None: it is not kept but
            derived when it is asked for.
    """

    name: str
    kind: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    workers: Merge = None


def _counter(name: str, unit: str, text: str, *labels: str) -> Definition:
    return Definition(name, "counter", unit, text, labels)


def _gauge(name: str, unit: str, text: str, *labels: str, workers: Merge = None) -> Definition:
    return Definition(name, "gauge", unit, text, labels, workers=workers)


def _histogram(
    name: str, unit: str, text: str, bounds: tuple[float, ...], *labels: str
) -> Definition:
    return Definition(name, "histogram", unit, text, labels, bounds)


REQUEST_DURATION = _histogram(
    "ordinis_request_duration_seconds", "seconds",
    "From a request's first byte read to its answer's last byte given.", buckets.LATENCY_S, "route",
)  # fmt: skip
REQUESTS = _counter(
    "ordinis_requests_total", "requests", "Requests answered, by HTTP status.", "route", "status"
)
ERRORS = _counter(
    "ordinis_errors_total", "requests", "Requests that got no signal, by reason.", "kind"
)
IN_FLIGHT = _gauge(
    "ordinis_requests_in_flight", "requests", "Requests being answered now.", workers=SUM
)
QUEUE_DELAY = _histogram(
    "ordinis_queue_delay_seconds", "seconds", "What a request waited for its batch to start.",
    buckets.QUEUE_S,
)  # fmt: skip
BATCH = _histogram(
    "ordinis_batch_windows", "windows", "Windows that shared one run of the model.",
    buckets.BATCH_WINDOWS,
)  # fmt: skip
MODEL_DURATION = _histogram(
    "ordinis_model_duration_seconds", "seconds", "One run of the model.", buckets.LATENCY_S
)
WINDOWS = _counter("ordinis_windows_total", "windows", "Windows that the model has run.")

SIGNALS = _counter(
    "ordinis_signals_total", "signals", "Signals by direction: short, flat or long.",
    "arm", "direction",
)  # fmt: skip
PROBABILITY_UP = _histogram(
    "ordinis_signal_probability_up", "probability", "Probability of a positive return.",
    buckets.PROBABILITY, "arm",
)  # fmt: skip
STRENGTH = _histogram(
    "ordinis_signal_strength", "0 to 1", "Strength of signals, |2·probability_up − 1|.",
    buckets.STRENGTH, "arm",
)  # fmt: skip
SHADOW_DIFFERENCE = _histogram(
    "ordinis_shadow_mean_difference", "scales",
    "|mean of the challenger − mean of the champion| in scales of the champion, window by window.",
    buckets.DIFFERENCE,
)  # fmt: skip
SHADOW_DISAGREEMENTS = _counter(
    "ordinis_shadow_disagreements_total", "windows",
    "Windows on which champion and challenger say different directions.",
)  # fmt: skip
SHADOW_DROPPED = _counter(
    "ordinis_shadow_dropped_windows_total", "windows",
    "Windows that the challenger was not asked about in its shadow, by reason.", "kind",
)  # fmt: skip
SPLIT_FALLBACKS = _counter(
    "ordinis_split_fallback_windows_total", "windows",
    "Windows of the challenger's share that the champion answered, by reason.", "kind",
)  # fmt: skip

MODEL_INFO = _gauge(
    "ordinis_model_info", "always 1",
    "The version that an arm serves; gone when no worker serves it any more.",
    *MODEL, workers=LATEST,
)  # fmt: skip
FITTED = _gauge(
    "ordinis_model_fitted_timestamp_seconds", "seconds since 1970",
    "Time of the last bar that the served version was fitted to.", *MODEL, workers=LATEST,
)  # fmt: skip
LOADED = _gauge(
    "ordinis_model_loaded_timestamp_seconds", "seconds since 1970",
    "When the served version was loaded, by the last worker to do so.", *MODEL, workers=LATEST,
)  # fmt: skip
AGE = _gauge(
    "ordinis_model_age_seconds", "seconds",
    "Now less the time of the last bar that the served version was fitted to.", *MODEL,
)  # fmt: skip
LOADED_AGE = _gauge(
    "ordinis_model_loaded_age_seconds", "seconds", "Now less the time of loading.", *MODEL
)
RELOAD_DURATION = _histogram(
    "ordinis_reload_duration_seconds", "seconds",
    "Loading, proving, warming and swapping of one version; its count is the number of reloads.",
    buckets.RELOAD_S, "arm",
)  # fmt: skip
RELOAD_FAILURES = _counter(
    "ordinis_reload_failures_total", "reloads", "Versions that were not taken, by reason.",
    "arm", "kind",
)  # fmt: skip
SESSIONS = _counter(
    "ordinis_sessions_total", "versions",
    "Versions opened, by what became of the session settings proposed for this kind of machine: "
    "used, none, refused or unanswered.", "arm", "proposal",
)  # fmt: skip

LOG_ROWS = _counter("ordinis_prediction_log_rows_total", "rows", "Rows written to the log.")
LOG_LOST = _counter(
    "ordinis_prediction_log_lost_rows_total", "rows", "Rows not written, by reason.", "reason"
)
LOG_PENDING = _gauge(
    "ordinis_prediction_log_pending_rows", "rows", "Rows waiting to be written.", workers=SUM
)

DRIFT_DISTANCE = _gauge(
    "ordinis_drift_distance", "of the column's test", "Distance of a column from its reference.",
    *DRIFT, "column",
)  # fmt: skip
DRIFT_LIMIT = _gauge(
    "ordinis_drift_limit", "of the column's test", "Above it the column has drifted.",
    *DRIFT, "column",
)  # fmt: skip
DRIFT_ALARM = _gauge("ordinis_drift_alarm", "0 or 1", "Whether the monitor calls it drift.", *DRIFT)
DRIFT_CHECKED = _gauge(
    "ordinis_drift_checked_timestamp_seconds", "seconds since 1970", "When it last looked.", *DRIFT
)
DRIFT_DAMAGED = _gauge(
    "ordinis_drift_damaged", "0 or 1", "Whether the monitor's file is there and cannot be read."
)

GROUPS: dict[str, tuple[Definition, ...]] = {
    "Requests": (REQUEST_DURATION, REQUESTS, ERRORS, IN_FLIGHT, QUEUE_DELAY),
    "The model's runs": (BATCH, MODEL_DURATION, WINDOWS),
    "Signals": (SIGNALS, PROBABILITY_UP, STRENGTH),
    "Shadow and split": (
        SHADOW_DIFFERENCE, SHADOW_DISAGREEMENTS, SHADOW_DROPPED, SPLIT_FALLBACKS,
    ),
    "Versions": (
        MODEL_INFO, FITTED, LOADED, AGE, LOADED_AGE, RELOAD_DURATION, RELOAD_FAILURES,
        SESSIONS,
    ),
    "Prediction log": (LOG_ROWS, LOG_LOST, LOG_PENDING),
    "Drift": (DRIFT_DISTANCE, DRIFT_LIMIT, DRIFT_ALARM, DRIFT_CHECKED, DRIFT_DAMAGED),
}  # fmt: skip
DEFINITIONS = tuple(each for group in GROUPS.values() for each in group)
