"""All figures, in the formats that Prometheus reads. The only module that knows it."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from daemon.database.pool import Pool
from daemon.engine.telemetry import ListenerState
from daemon.engine.workload import Figure, Workload
from daemon.monitoring.distribution import Counted
from daemon.monitoring.health import Health
from daemon.monitoring.survey import Survey
from daemon.monitoring.tally import Seen, Tally

PREFIX = "catalogd_"


class Exposition(Collector):
    """Collects from memory first, then from the database, in a registry of its own."""

    def __init__(
        self,
        version: str,
        workloads: Sequence[Workload],
        tally: Tally,
        health: Health,
        pool: Pool,
        survey: Survey,
    ) -> None:
        self._version = version
        self._workers = {workload.name: workload.workers for workload in workloads}
        self._prepared = {workload.name for workload in workloads if workload.table.is_prepared}
        self._tally = tally
        self._health = health
        self._pool = pool
        self._survey = survey
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(self)

    def write(self, accept: str) -> tuple[str, bytes]:
        """Content type and text, in the format that this header prefers."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry, at a scrape."""
        yield from self._about_the_process()
        yield from self._about_work()
        yield from self._about_the_pool()
        yield from self._about_the_listener()
        yield from self._from_the_database()

    def _about_the_process(self) -> Iterator[Metric]:
        labels = {"version": self._version, "python": platform.python_version()}
        yield _gauge("build_info", "Always 1; what is running.", [(labels, 1)])
        yield _gauge("alive", "1 if /healthz says so.", [({}, self._health.not_alive() is None)])
        yield _gauge("ready", "1 if /readyz says so.", [({}, self._health.not_ready() is None)])
        workers = [({"workload": workload}, number) for workload, number in self._workers.items()]
        yield _gauge("workers", "Threads that treat slices.", workers)

    def _about_work(self) -> Iterator[Metric]:
        seen = {workload: self._tally.of(workload) for workload in self._workers}
        prepared = {workload: each for workload, each in seen.items() if workload in self._prepared}
        planned = [({"workload": workload}, each.planned) for workload, each in seen.items()]
        yield _counter("batches_planned", "Batches cut into slices, or ended by that.", planned)
        yield _counter("batches_ended", "Batches that came to their end.", _by("status", seen, lambda each: each.ended))
        yield _counter(
            "items",
            'Items treated: "done", or the code of the item error.',
            _by("outcome", seen, lambda each: each.items),
        )
        rates = [({"workload": workload}, each.items_per_s) for workload, each in seen.items()]
        yield _gauge("items_per_second", "Items treated a second, over the last minute.", rates)
        yield _counter("slice_events", "What happened to slices.", _by("event", seen, lambda each: each.slices))
        yield _counter(
            "preparation_steps",
            "Steps that make batches ready to be cut.",
            _by("outcome", prepared, lambda each: each.preparations),
        )
        yield _histogram(
            "batch_pickup_seconds",
            "From a batch's insert to the transaction of its first slice here; retries left out.",
            {workload: each.pickup for workload, each in seen.items()},
        )
        yield _histogram(
            "slice_duration_seconds",
            "A transaction that treats a slice, or several tiny ones.",
            {workload: each.slice for workload, each in seen.items()},
        )
        yield _histogram(
            "batch_duration_seconds",
            "From a batch's planning to its completion, where its last slice was settled here.",
            {workload: each.batch for workload, each in seen.items()},
        )

    def _about_the_pool(self) -> Iterator[Metric]:
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        connections = [({"state": "idle"}, idle), ({"state": "busy"}, max(size - idle, 0))]
        yield _gauge("pool_connections", "Connections of the pool.", connections)
        yield _gauge("pool_waiting", "Threads that wait for a connection.", [({}, stats.get("requests_waiting", 0))])
        for name, meaning, key in (
            ("pool_requests", "Connections asked for.", "requests_num"),
            ("pool_requests_failed", "Connections asked for in vain.", "requests_errors"),
            ("pool_connections_lost", "Connections found broken.", "connections_lost"),
            ("pool_connections_failed", "Attempts to connect that failed.", "connections_errors"),
        ):
            yield _counter(name, meaning, [({}, stats.get(key, 0))])
        waited_s = stats.get("requests_wait_ms", 0) / 1000
        yield _counter("pool_wait_seconds", "Time that threads waited for a connection.", [({}, waited_s)])

    def _about_the_listener(self) -> Iterator[Metric]:
        now = self._tally.listener
        states = [({"state": state.value}, state is now) for state in ListenerState]
        yield _gauge("listener_state", "1 for the state that the listener is in.", states)
        changes = [({"state": state}, number) for state, number in self._tally.listener_changes().items()]
        yield _counter("listener_changes", "How often the listener came into a state.", changes)

    def _from_the_database(self) -> Iterator[Metric]:
        answer = self._survey.ask()
        yield _gauge("database_up", "1 if the database answered when it was last asked.", [({}, answer.is_up)])
        yield _gauge("survey_seconds", "How long the database took to answer all questions.", [({}, answer.took_s)])
        meaning = "Questions that the database refused when it was last asked."
        yield _gauge("survey_unanswered", meaning, [({}, answer.unanswered)])
        yield from _families(answer.figures)


def _families(figures: Iterable[Figure]) -> Iterator[Metric]:
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.name, []).append(figure)
    for name, each in found.items():
        yield _gauge(name, each[0].meaning, [(figure.labels, figure.value) for figure in each])


Samples = Iterable[tuple[Mapping[str, str], float]]


def _gauge(name: str, meaning: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, meaning)
    for labels, value in samples:
        family.add_sample(family.name, dict(labels), float(value))
    return family


def _counter(name: str, meaning: str, samples: Samples) -> Metric:
    family = CounterMetricFamily(PREFIX + name, meaning)
    for labels, value in samples:
        family.add_sample(f"{family.name}_total", dict(labels), float(value))
    return family


def _histogram(name: str, meaning: str, counted: Mapping[str, Counted]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, meaning, labels=["workload"])
    for workload, each in counted.items():
        buckets: Sequence[tuple[str, float]] = [(_bound(bound), number) for bound, number in each.at_most]
        family.add_metric([workload], buckets, each.total)
    return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == inf else str(float(bound))


def _by(label: str, seen: Mapping[str, Seen], counts: Callable[[Seen], Mapping[str, int]]) -> Samples:
    for workload, each in seen.items():
        for value, number in counts(each).items():
            yield {"workload": workload, label: value}, number
