"""How a metric is declared: once, as an attribute of a class, whose name is the metric's; its type follows.

`jobs_total = counters("jobs", "Jobs that ended.", status=STATUSES)` in a subclass of `Declared` makes the attribute
`jobs_total` of each instance a `Labelled[Counter]`, registered as `video_consumer_jobs_total`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Generic, Self, TypeVar, cast, overload

from prometheus_client import CollectorRegistry, Counter, Gauge

from consumer.telemetry.deferred import Deferred
from consumer.telemetry.histogram import Histogram

PREFIX = "video_consumer"

M = TypeVar("M", bound=Counter | Gauge | Histogram)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a metric before any process runs.

    Args:
        kind: counter, gauge or histogram.
        unit: what one of it is: seconds, bytes, jobs, ...
        text: a sentence.
        labels: the values that each label may take, so that the number of series is bounded.
        buckets: upper limits of a histogram's buckets, in its unit.
    """

    kind: type[Counter] | type[Gauge] | type[Histogram]
    unit: str
    text: str
    labels: Mapping[str, tuple[str, ...]]
    buckets: tuple[float, ...] = ()

    def names(self, name: str) -> tuple[str, str, tuple[str, ...]]:
        """What prometheus_client asks for first: the whole name, the sentence, the labels' names."""
        return f"{PREFIX}_{name}", self.text, tuple(self.labels)

    def made(self, name: str, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
        """The metric of that name (without the prefix), registered."""
        more: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        return self.kind(*self.names(name), registry=registry, **more)


class Labelled(Generic[M]):
    """A metric with labels whose values are known beforehand; every series exists from the start.

    Args:
        metric: the prometheus_client object, made with exactly the label names of `allowed`.
        allowed: the values that each label may take.
    """

    def __init__(self, metric: M, allowed: Mapping[str, tuple[str, ...]]) -> None:
        self.metric = metric
        self.allowed = allowed
        self._series: dict[tuple[str | None, ...], M] = {
            values: cast(M, metric.labels(**dict(zip(allowed, values, strict=True))))
            for values in product(*allowed.values())
        }

    def labels(self, **values: str) -> M:
        """The series of these label values.

        Raises:
            ValueError: a label or value that is not declared; it would make an unbounded number of series.
        """
        found = self._series.get(tuple(map(values.get, self.allowed)))
        if found is None or len(values) != len(self.allowed):
            known = {name: ", ".join(one) for name, one in self.allowed.items()}
            raise ValueError(f"The metric labels {values} are not declared in consumer.telemetry.metrics: {known}.")
        return found


class Attribute(Generic[V]):
    """A declared metric: on the class the declaration, on an instance the metric itself."""

    def __init__(self, declaration: Declaration, wrap: Callable[[Any, Declaration], V]) -> None:
        self.declaration, self._wrap, self.name = declaration, wrap, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> V: ...

    def __get__(self, instance: object | None, owner: type) -> Self | V:
        # An instance has what `make` left in its own dictionary, which Python looks at first.
        if instance is not None:
            raise AttributeError(f"{owner.__name__}.__init__ has not made {self.name}.")
        return self

    def make(self, instance: object, registry: CollectorRegistry) -> None:
        """Register the metric, and let the instance have it."""
        vars(instance)[self.name] = self._wrap(self.declaration.made(self.name, registry), self.declaration)


class Declared:
    """A class of declared metrics; an instance is one set of them.

    Args:
        registry: where they are registered; None: one of their own, `self.registry`.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.deferred = Deferred()
        self.registry.register(self.deferred)
        for attribute in self.declared().values():
            attribute.make(self, self.registry)

    @classmethod
    def declared(cls) -> dict[str, Attribute[Any]]:
        """Every metric by its name without the prefix, in order of declaration."""
        return {name: value for name, value in vars(cls).items() if isinstance(value, Attribute)}


def counter(unit: str, text: str) -> Attribute[Counter]:
    return Attribute(Declaration(Counter, unit, text, {}), _plain)


def counters(unit: str, text: str, **labels: tuple[str, ...]) -> Attribute[Labelled[Counter]]:
    return Attribute(Declaration(Counter, unit, text, labels), _labelled)


def gauge(unit: str, text: str) -> Attribute[Gauge]:
    return Attribute(Declaration(Gauge, unit, text, {}), _plain)


def gauges(unit: str, text: str, **labels: tuple[str, ...]) -> Attribute[Labelled[Gauge]]:
    return Attribute(Declaration(Gauge, unit, text, labels), _labelled)


def histogram(unit: str, text: str, buckets: tuple[float, ...]) -> Attribute[Histogram]:
    return Attribute(Declaration(Histogram, unit, text, {}, buckets), _plain)


def histograms(
    unit: str, text: str, buckets: tuple[float, ...], **labels: tuple[str, ...]
) -> Attribute[Labelled[Histogram]]:
    return Attribute(Declaration(Histogram, unit, text, labels, buckets), _labelled)


def _plain(metric: V, _: Declaration) -> V:
    return metric


def _labelled(metric: M, declaration: Declaration) -> Labelled[M]:
    return Labelled(metric, declaration.labels)
