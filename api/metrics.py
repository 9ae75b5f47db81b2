"""What the server counts, for Prometheus. Each server has a registry of its own."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
_TRANSPORTS = ("websocket", "sse", "poll")


class _Described(Protocol):
    def describe(self) -> dict[str, Any]: ...


class Metrics:
    """Requests and refusals as they happen; the rest is looked at when somebody asks. Event loop only."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("jobreel_requests", "Requests that were answered.", labels, registry=self._registry)
        self._refused = Counter("jobreel_refused", "Refusals, by their code.", ["code"], registry=self._registry)
        self._seconds = Histogram(
            "jobreel_request_seconds",
            "Seconds until the answer; of streams until their end.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def watch(self, gauges: Callable[[], dict[str, float]], clients: Callable[[], Iterator[_Described]]) -> None:
        """Look at these when somebody asks: numbers by name, and who is connected."""
        self._registry.register(_Looked(gauges, clients))

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

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Looked:
    def __init__(self, gauges: Callable[[], dict[str, float]], clients: Callable[[], Iterator[_Described]]) -> None:
        self._gauges = gauges
        self._clients = clients

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"jobreel_{name}", name.replace("_", " ").capitalize() + ".", value=value)
        connected = Counted(client.describe()["transport"] for client in self._clients())
        family = GaugeMetricFamily("jobreel_clients", "Clients that are connected.", labels=["transport"])
        for transport in _TRANSPORTS:
            family.add_metric([transport], connected[transport])
        yield family


METRICS = web.AppKey("metrics", Metrics)
