"""prometheus_client's metrics made of definitions, and a histogram that takes whole arrays."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ordinis_mlflow.telemetry.names import Definition

M = TypeVar("M", Counter, "BulkHistogram", Gauge)


class BulkHistogram(Histogram):
    """A histogram that finds its bucket by bisection, and takes many values at once.

    A value that is not finite counts in the last bucket and adds nothing to the sum: one NaN
    would make the sum NaN for as long as the process lives.
    """

    def _prepare_buckets(self, source_buckets: Sequence[float | str]) -> None:
        super()._prepare_buckets(source_buckets)
        self._bounds = np.array(self._upper_bounds)

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """One value; exemplars are not kept, as workers cannot share them."""
        if math.isfinite(amount):
            self._sum.inc(amount)
            self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)
        else:
            self._buckets[-1].inc(1)

    def observe_many(self, values: npt.NDArray[np.floating]) -> None:
        """Values of shape (n,), at the cost of one numpy call and of the buckets they fall into."""
        if len(values) == 1:
            return self.observe(float(values[0]))
        last = len(self._bounds) - 1
        # NaN sorts behind infinity, the last bound.
        places = np.minimum(np.searchsorted(self._bounds, values), last)
        for place, count in enumerate(np.bincount(places, minlength=1).tolist()):
            if count:
                self._buckets[place].inc(count)
        self._sum.inc(float(np.sum(values, where=np.isfinite(values), dtype=np.float64)))
        return None


def counter(definition: Definition, registry: CollectorRegistry) -> Counter:
    """The counter of a definition, registered."""
    return Counter(definition.name, definition.help, definition.labels, registry=registry)


def histogram(definition: Definition, registry: CollectorRegistry) -> BulkHistogram:
    """The histogram of a definition, registered."""
    return BulkHistogram(
        definition.name,
        definition.help,
        definition.labels,
        registry=registry,
        buckets=definition.bounds,
    )


def gauge(definition: Definition, registry: CollectorRegistry) -> Gauge:
    """The gauge of a definition, registered, merged over workers as it says."""
    assert definition.workers is not None, f"{definition.name} is derived"
    return Gauge(
        definition.name,
        definition.help,
        definition.labels,
        registry=registry,
        multiprocess_mode=definition.workers,
    )


class Children(dict[tuple[object, ...], M], Generic[M]):
    """A metric's children by their label values: a look-up where ``labels()`` takes a lock."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._metric: Any = metric

    def __missing__(self, values: tuple[object, ...]) -> M:
        child: M = self._metric.labels(*values)
        self[values] = child
        return child
