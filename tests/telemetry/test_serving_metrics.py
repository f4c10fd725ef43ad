"""What is counted, as Prometheus' own parsers read it back."""

import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from ordinis_mlflow.signal import Signal
from ordinis_mlflow.telemetry import ServingMetrics
from ordinis_mlflow.telemetry.collectors import BulkHistogram
from ordinis_mlflow.telemetry.names import DEFINITIONS

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def signal(probability, mean=0.0, scale=1.0):
    p = np.asarray(probability, dtype=np.float32)
    full = np.full(len(p), 1.0, dtype=np.float32)
    direction = np.sign(p - np.float32(0.5)).astype(np.int64)
    return Signal(mean * full, scale * full, p, direction, np.abs(2 * p - 1))


def samples(metrics):
    """{(name, labels): value} of everything exposed; the same in both formats."""
    read = {}
    for parse, accept in ((plain, None), (openmetrics, OPENMETRICS)):
        text, _ = metrics.render(accept)
        read[accept] = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in parse(text.decode())
            for sample in family.samples
        }
    assert read[None].keys() == read[OPENMETRICS].keys()
    return read[None]


@pytest.fixture
def metrics():
    return ServingMetrics()


def test_requests(metrics):
    for seconds, status in ((0.001, 200), (0.002, 200), (0.1, 503)):
        metrics.answered("/invocations", status, seconds)
    metrics.failed("queue_full")
    found = samples(metrics)
    route = ("route", "/invocations")
    assert found["ordinis_requests_total", route, ("status", "200")] == 2
    assert found["ordinis_requests_total", route, ("status", "503")] == 1
    assert found["ordinis_errors_total", ("kind", "queue_full")] == 1
    assert found["ordinis_request_duration_seconds_count", route] == 3
    assert found["ordinis_request_duration_seconds_sum", route] == pytest.approx(0.103)


def test_runs_and_queue(metrics):
    metrics.queued(0.0)
    metrics.queued(0.003)
    metrics.ran(1, 0.001)
    metrics.ran(32, 0.004)
    found = samples(metrics)
    assert found["ordinis_windows_total",] == 33
    assert found["ordinis_batch_windows_bucket", ("le", "1.0")] == 1
    assert found["ordinis_batch_windows_sum",] == 33
    assert found["ordinis_model_duration_seconds_count",] == 2
    assert found["ordinis_queue_delay_seconds_bucket", ("le", "0.0")] == 1


def test_in_flight(metrics):
    metrics.in_flight().inc()
    metrics.in_flight().inc()
    metrics.in_flight().dec()
    assert samples(metrics)["ordinis_requests_in_flight",] == 1


@pytest.mark.parametrize(
    "rows", [[[0.4]], [[0.4, 0.5, 0.6, 0.7]], [[0.4], [0.5], [0.6, 0.7]], [[]]]
)
def test_signals_one_by_one_or_in_bulk(metrics, rows):
    for row in rows:
        metrics.signalled(signal(row), "champion")
    found, p = samples(metrics), np.concatenate([np.array(row) for row in rows])
    arm = ("arm", "champion")
    for direction, count in (("short", p < 0.5), ("flat", p == 0.5), ("long", p > 0.5)):
        key = ("ordinis_signals_total", arm, ("direction", direction))
        assert found.get(key, 0) == count.sum()
    assert found["ordinis_signal_probability_up_count", arm] == len(p)
    assert found["ordinis_signal_probability_up_sum", arm] == pytest.approx(p.sum(), rel=1e-6)
    assert found["ordinis_signal_strength_count", arm] == len(p)


def test_the_shadow_is_compared_window_by_window(metrics):
    metrics.compared(signal([0.4, 0.6, 0.6]), signal([0.6, 0.6, 0.6], mean=0.03))
    metrics.compared(signal([0.4], scale=0.0), signal([0.4], scale=0.0))
    found = samples(metrics)
    assert found["ordinis_shadow_disagreements_total",] == 1
    name = "ordinis_shadow_mean_difference"
    assert found[name + "_bucket", ("le", "0.02")] == 0
    assert found[name + "_bucket", ("le", "0.05")] == 3
    assert found[name + "_count",] == 4  # 0 / 0 counts, and is not in the sum
    assert found[name + "_sum",] == pytest.approx(0.09, rel=1e-4)


def test_what_a_challenger_was_not_asked_or_did_not_answer(metrics):
    metrics.shadow_dropped(5, "behind")
    metrics.fell_back(2, "absent")
    metrics.fell_back(3, "absent")
    found = samples(metrics)
    assert found["ordinis_shadow_dropped_windows_total", ("kind", "behind")] == 5
    assert found["ordinis_split_fallback_windows_total", ("kind", "absent")] == 5


def versions(found, name):
    return {key[3][1]: value for key, value in found.items() if key[0] == name}


def test_a_swapped_version_is_gone_and_may_come_back(metrics):
    fitted = pd.Timestamp("2018-12-28", tz="UTC")
    metrics.serving("champion", "sp500", "1", fitted, 100.0)
    metrics.serving("challenger", "sp500", "1", None, 200.0)
    metrics.serving("champion", "sp500", "2", fitted, 300.0)
    found = samples(metrics)
    info = {key[1:] for key in found if key[0] == "ordinis_model_info"}
    assert {(dict(key)["arm"], dict(key)["version"]) for key in info} == {
        ("champion", "2"),
        ("challenger", "1"),
    }
    metrics.serving("champion", "sp500", "1", fitted, 400.0)
    metrics.retired("challenger")
    metrics.retired("challenger")
    found = samples(metrics)
    assert versions(found, "ordinis_model_info") == {"1": 1}
    assert versions(found, "ordinis_model_loaded_timestamp_seconds") == {"1": 400.0}


def test_ages_grow_between_scrapes(metrics):
    fitted = pd.Timestamp("2018-12-28", tz="America/New_York")
    metrics.serving("champion", "sp500", "1", fitted, time.time() - 50)
    first = versions(samples(metrics), "ordinis_model_age_seconds")["1"]
    second = versions(samples(metrics), "ordinis_model_age_seconds")["1"]
    assert first < second <= time.time() - 1545973200
    loaded = versions(samples(metrics), "ordinis_model_loaded_age_seconds")["1"]
    assert 50 <= loaded < second


def test_a_model_that_does_not_say_what_it_was_fitted_to_has_no_age(metrics):
    metrics.serving("champion", "sp500", "1", None, 100.0)
    found = samples(metrics)
    assert versions(found, "ordinis_model_info") == {"1": 1}
    assert versions(found, "ordinis_model_age_seconds") == {}


def test_reloads_and_the_log(metrics):
    metrics.reloaded("champion", 1.5)
    metrics.reload_failed("champion", "probe")
    metrics.logged(100)
    metrics.log_lost(3, "full")
    metrics.log_pending(7)
    metrics.log_pending(5)
    found = samples(metrics)
    assert found["ordinis_reload_duration_seconds_count", ("arm", "champion")] == 1
    assert found["ordinis_reload_failures_total", ("arm", "champion"), ("kind", "probe")] == 1
    assert found["ordinis_prediction_log_rows_total",] == 100
    assert found["ordinis_prediction_log_lost_rows_total", ("reason", "full")] == 3
    assert found["ordinis_prediction_log_pending_rows",] == 5


def test_all_that_is_exposed_is_in_the_table(metrics):
    metrics.answered("/invocations", 200, 0.001)
    metrics.signalled(signal([0.4]), "champion")
    metrics.serving("champion", "sp500", "1", pd.Timestamp("2018-12-28", tz="UTC"), 1.0)
    known = {each.name: each for each in DEFINITIONS}
    for family in plain(metrics.render()[0].decode()):
        name = family.name + "_total" if family.type == "counter" else family.name
        assert (family.type, family.documentation) == (known[name].kind, known[name].help)
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(known[name].labels)


@pytest.mark.parametrize("accept", [None, "", "*/*", "text/html", OPENMETRICS])
def test_the_format_is_the_one_asked_for(metrics, accept):
    text, content_type = metrics.render(accept)
    if accept == OPENMETRICS:
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert text.endswith(b"# EOF\n")
    else:
        assert content_type.startswith("text/plain; version=0.0.4")


@given(st.text(), st.sampled_from(["text/plain; version=", OPENMETRICS[:36], ""]))
def test_no_accept_header_breaks_a_scrape_or_is_repeated(said, before):
    _, content_type = ServingMetrics().render(before + said)
    assert content_type in {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }


def test_a_version_is_never_missing_while_it_is_said_again(metrics):
    """A scrape may come between any two calls."""
    metrics.serving("champion", "sp500", "1", None, 100.0)
    said = []
    child = metrics._info["champion", "sp500", "1"]
    child.set = said.append
    metrics.serving("champion", "sp500", "1", None, 200.0)
    assert said == [1]


def test_a_registry_of_ones_own_is_used():
    registry = CollectorRegistry()
    ServingMetrics(registry).failed("deadline")
    assert registry.get_sample_value("ordinis_errors_total", {"kind": "deadline"}) == 1


BOUNDS = (0.0, 0.1, 0.5, 1.0)


def counted(kind, observe):
    registry = CollectorRegistry()
    observe(kind("h", "h", registry=registry, buckets=BOUNDS))
    return {
        (sample.name, sample.labels.get("le")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name != "h_created"
    }


values = st.one_of(
    st.sampled_from(BOUNDS), st.floats(-1, 2, width=32), st.just(math.inf), st.just(math.nan)
)


@given(arrays(np.float32, st.integers(0, 50), elements=values))
def test_bulk_is_what_one_by_one_is_and_what_the_library_does(array):
    bulk = counted(BulkHistogram, lambda h: h.observe_many(array))
    single = counted(BulkHistogram, lambda h: [h.observe(float(v)) for v in array])
    finite = array[np.isfinite(array)]
    library = counted(Histogram, lambda h: [h.observe(float(v)) for v in finite])
    for key in (("h_bucket", "+Inf"), ("h_count", None)):
        library[key] += len(array) - len(finite)
    assert bulk == pytest.approx(library, abs=1e-6)
    assert single == pytest.approx(library, abs=1e-6)
