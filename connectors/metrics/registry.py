"""The measurements of one process, in a registry of their own.

Dataflows count once a batch, on their one thread; whatever is a state (a lag, an age, a size) is asked for when somebody
reads the page, so that it is true even while the dataflow stands still.
"""

from __future__ import annotations

import platform
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors.metrics.catalogue import (
    BUILD_INFO,
    BY_NAME,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    MEASURES,
    TOTAL,
    Measure,
    bounded,
)

Labels = tuple[str, ...]
# What is asked when the page is read: values by labels.
Ask = Callable[[], Iterable[tuple[Labels, float]]]


class HistogramBatch:
    """A histogram of one set of labels, filled a batch at a time."""

    __slots__ = ("buckets", "counts", "total")

    def __init__(self, buckets: Sequence[float]) -> None:
        self.buckets = tuple(buckets)
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.buckets, value)] += 1
        self.total += value

    def add_all(self, values: Sequence[float]) -> None:
        """Each value counts in the first bucket that it is not above."""
        ordered = sorted(values)
        before = 0
        counts = self.counts
        for at, bound in enumerate(self.buckets):
            if before == len(ordered):
                break
            behind = bisect_right(ordered, bound, before)
            counts[at] += behind - before
            before = behind
        counts[-1] += len(ordered) - before
        self.total += sum(ordered)

    def cumulative(self) -> list[tuple[str, float]]:
        count = 0
        found = []
        for bound, own in zip((*self.buckets, float("inf")), list(self.counts), strict=True):
            count += own
            found.append((_bound_text(bound), float(count)))
        return found


class Metrics(Collector):
    """`count` and `spread` are for the thread of a dataflow, `ask` says who knows a gauge."""

    def __init__(self, version: str, rules: str) -> None:
        # Series that say when a counter began double the page, and nothing reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._counts: dict[str, dict[Labels, float]] = {
            measure.name: {} if measure.labels else {(): 0.0} for measure in MEASURES if measure.kind == COUNTER
        }
        self._spreads: dict[str, dict[Labels, HistogramBatch]] = {
            measure.name: {} if measure.labels else {(): HistogramBatch(measure.buckets)}
            for measure in MEASURES
            if measure.kind == HISTOGRAM
        }
        self._asked: dict[str, list[Ask]] = {measure.name: [] for measure in MEASURES if measure.kind == GAUGE}
        build = (version, rules, platform.python_version())
        self.ask(BUILD_INFO, lambda: [(build, 1.0)])
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def count(self, name: str, labels: Labels = (), more: float = 1.0) -> None:
        counts = self._counts[name]
        known = _bounded(BY_NAME[name], labels)
        counts[known] = counts.get(known, 0.0) + more

    def spread(self, name: str, labels: Labels = ()) -> HistogramBatch:
        """To be kept by the one who fills it."""
        measure = BY_NAME[name]
        return self._spreads[name].setdefault(_bounded(measure, labels), HistogramBatch(measure.buckets))

    def ask(self, name: str, asked: Ask) -> Callable[[], None]:
        """Ends with a call of what is returned."""
        self._asked[name].append(asked)
        return lambda: self._asked[name].remove(asked)

    def collect(self) -> Iterator[Metric]:
        """Called by the threads that write pages, while dataflows count."""
        for measure in MEASURES:
            match measure.kind:
                case "counter":
                    yield self._counter(measure)
                case "histogram":
                    yield self._histogram(measure)
                case _:
                    yield self._gauge(measure)

    def _counter(self, measure: Measure) -> Metric:
        found = CounterMetricFamily(measure.name.removesuffix(TOTAL), measure.meaning, labels=measure.labels)
        for labels, value in sorted(dict(self._counts[measure.name]).items()):
            found.add_metric(labels, value)
        return found

    def _histogram(self, measure: Measure) -> Metric:
        found = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
        for labels, spread in sorted(dict(self._spreads[measure.name]).items()):
            found.add_metric(labels, spread.cumulative(), spread.total)
        return found

    def _gauge(self, measure: Measure) -> Metric:
        found = GaugeMetricFamily(measure.name, measure.meaning, labels=measure.labels)
        values: dict[Labels, float] = {}
        for asked in list(self._asked[measure.name]):
            for labels, value in asked():
                values[_bounded(measure, labels)] = value
        for labels, value in sorted(values.items()):
            found.add_metric(labels, value)
        return found


def _bound_text(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)


def _bounded(measure: Measure, labels: Labels) -> Labels:
    return tuple(bounded(label, value) for label, value in zip(measure.labels, labels, strict=True))
