"""What stands at ``/metrics``: the kept series, and those that are derived when it is asked for."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from ordinis_mlflow.telemetry import names
from ordinis_mlflow.telemetry.names import Definition

OPENMETRICS = "application/openmetrics-text"
AGES = {names.FITTED.name: names.AGE, names.LOADED.name: names.LOADED_AGE}
OF_A_VERSION = {names.MODEL_INFO.name, *AGES}


def family(definition: Definition) -> GaugeMetricFamily:
    """An empty family of a derived gauge."""
    return GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)


class Exposed(Collector):
    """What a source has collected, less what is over, and with the ages of the models.

    A series of a version that no worker serves any more is 0 (prometheus_client cannot remove one
    that several processes share) and is left out here: it ends with Prometheus' mark of staleness
    at the next scrape, so that a version timeline shows a band that ends, not a line at zero.
    Creation times of counters are left out too, as workers have none.
    """

    def __init__(self, source: Collector) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Every family, each age after the time it is reckoned from."""
        for each in self._source.collect():
            each.samples = [s for s in each.samples if not s.name.endswith("_created")]
            if each.name in OF_A_VERSION:
                each.samples = [sample for sample in each.samples if sample.value]
            yield each
            if each.name in AGES:
                yield _ages(each, AGES[each.name])


def _ages(times: Metric, definition: Definition) -> Metric:
    ages, now = family(definition), time.time()
    for sample in times.samples:
        ages.add_sample(ages.name, sample.labels, now - sample.value)
    return ages


def render(registry: CollectorRegistry, accept: str | None) -> tuple[bytes, str]:
    """The exposition text and its content type.

    prometheus_client's own ``choose_encoder`` raises TypeError on a header such as
    ``text/plain; version=x``, and repeats the client's words in the content type (0.26).

    Args:
        registry: what to expose.
        accept: the request's header; OpenMetrics is given to who names it.
    """
    named = {part.split(";")[0].strip() for part in (accept or "").split(",")}
    if OPENMETRICS in named:
        return openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
