"""What the server counts, for Prometheus. Each server has a registry of its own."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sized
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from tracker.errors import StoreError
from tracker.store.base import LogHead

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
_COMMIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)
_TRANSPORTS = ("websocket", "sse", "poll")
_GAUGES = {
    "log_position": "Position up to which clients were told of events.",
    "log_head": "Position of the newest event in the log; missing while the log cannot be read.",
    "log_horizon": "Position up to which events were pruned; missing while the log cannot be read.",
    "feed_lag_events": "Events in the log that clients were not told of yet; missing while the log cannot be read.",
    "queue_oldest_seconds": "Seconds that the event waits which waits the longest to be written.",
    "write_ahead_log_bytes": "Bytes of SQLite's write-ahead log; missing on PostgreSQL.",
    "queue_events": "Events that were accepted and are not in the log yet.",
    "queue_bytes": "Bytes that these take in the queue.",
    "writable": "1 if the log can be written, else 0.",
}


class _Connected(Protocol):
    @property
    def transport(self) -> str: ...


class Metrics:
    """Requests and refusals as they happen; the rest is looked at when somebody asks. Event loop only."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("jobreel_requests", "Requests that were answered.", labels, registry=self._registry)
        self._refused = Counter("jobreel_refused", "Refusals, by their code.", ["code"], registry=self._registry)
        self._events = Counter("jobreel_events", "Events that this server committed.", registry=self._registry)
        self._seconds = Histogram(
            "jobreel_request_seconds",
            "Seconds until the answer; of streams until their end.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._cut = Counter("jobreel_slow_clients_cut", "Clients that did not read.", registry=self._registry)
        self._commit_seconds = Histogram(
            "jobreel_commit_seconds",
            "Seconds that a commit took, with its sync.",
            buckets=_COMMIT_BUCKETS,
            registry=self._registry,
        )
        self._commit_calls = Histogram(
            "jobreel_commit_calls",
            "Calls that were written by one commit.",
            buckets=_BATCH_BUCKETS,
            registry=self._registry,
        )
        self._checked = Counter(
            "jobreel_projection_checked", "Jobs that were compared with their events.", registry=self._registry
        )
        self._differing = Counter(
            "jobreel_projection_differing", "Jobs that were not what their events say.", registry=self._registry
        )
        self._looked = _Looked()
        self._registry.register(self._looked)

    def watch(
        self,
        gauges: Callable[[], dict[str, float]],
        head: Callable[[], Awaitable[LogHead]],
        clients: Iterable[_Connected],
    ) -> None:
        """Look at these when somebody asks: numbers by name, the ends of the log, and who is connected."""
        self._looked.gauges, self._looked.clients, self._head = gauges, clients, head

    def answered(self, request: web.Request, status: int, seconds: float) -> None:
        """A request was answered. Nothing of it becomes a label that the server does not know itself."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "other"
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, code: str) -> None:
        """A request was refused with this code."""
        self._refused.labels(code).inc()

    def committed(self, events: Sized) -> None:
        """Events were committed. Any thread."""
        self._events.inc(len(events))

    def cut_slow_client(self) -> None:
        """A client was cut that did not read."""
        self._cut.inc()

    def timed(self, calls: int, seconds: float) -> None:
        """A commit wrote so many calls. The recorder's thread."""
        self._commit_calls.observe(calls)
        self._commit_seconds.observe(seconds)

    def compared(self, jobs: int, differing: int) -> None:
        """So many jobs were compared with their events."""
        self._checked.inc(jobs)
        self._differing.inc(differing)

    async def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        try:
            head = await self._head()
            lag = max(0, head.position - self._looked.gauges().get("log_position", 0))
            self._looked.ends = {"log_head": head.position, "log_horizon": head.horizon, "feed_lag_events": lag}
        except StoreError:
            # The log's trouble is what a monitor asks for: the other numbers are given all the same.
            self._looked.ends = {}
        return generate_latest(self._registry)


class _Looked:
    """What is not counted but looked at."""

    gauges: Callable[[], dict[str, float]] = dict
    clients: Iterable[_Connected] = ()

    def __init__(self) -> None:
        self.ends: dict[str, float] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, value in {**self.gauges(), **self.ends}.items():
            yield GaugeMetricFamily(f"jobreel_{name}", _GAUGES[name], value=value)
        connected = Counted(client.transport for client in self.clients)
        family = GaugeMetricFamily("jobreel_clients", "Clients that are connected.", labels=["transport"])
        for transport in _TRANSPORTS:
            family.add_metric([transport], connected[transport])
        yield family


METRICS = web.AppKey("metrics", Metrics)
