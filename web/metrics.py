"""Figures for Prometheus: of this process as it runs, and of the database when they are asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from psycopg_pool import ConnectionPool

from store import feed, parts, reading

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)


class Metrics:
    """The figures of one web process, in a registry of its own."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "skynet_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "skynet_http_request_seconds", "Time to answer", ["route"], buckets=_FAST, registry=self.registry
        )
        self.consoles = Gauge("skynet_live_consoles", "Consoles with an open live feed", registry=self.registry)
        self.changes = Counter("skynet_live_changes", "Changes that came off the feed", registry=self.registry)
        self.frames = Counter("skynet_live_frames", "Change frames handed to consoles", registry=self.registry)
        self.lag = Histogram(
            "skynet_live_lag_seconds",
            "From the number of a change to all consoles",
            buckets=_FAST,
            registry=self.registry,
        )
        self.ended = Counter("skynet_live_ended", "Live feeds ended by us", ["code"], registry=self.registry)
        ProcessCollector(registry=self.registry)
        self.registry.register(_FromDatabase(pool))

    def text(self) -> bytes:
        """All figures as Prometheus reads them."""
        return generate_latest(self.registry)

    def delivered(self, changes: int, frames: int, newest_at: datetime) -> None:
        """Changes went to consoles."""
        self.changes.inc(changes)
        self.frames.inc(frames)
        self.lag.observe(max(0.0, (datetime.now(UTC) - newest_at).total_seconds()))


class _FromDatabase(Collector):
    """Figures read when they are asked for; without the database there is one, which says so."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def describe(self) -> list[Metric]:
        """Nothing to say before they are asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        up = GaugeMetricFamily("skynet_database_up", "Whether the database can be read")
        try:
            with self._pool.connection() as conn:
                counts, beats, now = reading.counts(conn), parts.list_parts(conn), feed.clock(conn)
        except psycopg.Error:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _incidents(counts)
        age = GaugeMetricFamily("skynet_part_beat_age_seconds", "Since a part last beat", labels=["part", "instance"])
        for beat in beats:
            age.add_metric([beat.part, beat.instance], (now - beat.beat_at).total_seconds())
        yield age


def _incidents(counts: reading.Counts) -> Iterator[Metric]:
    live = GaugeMetricFamily("skynet_incidents", "Incidents not closed", labels=["site", "priority", "state"])
    for key, number in counts.incidents.items():
        live.add_metric(list(key), number)
    yield live
    changes = CounterMetricFamily("skynet_changes", "Changes ever made", labels=["site"])
    for site, head in counts.heads.items():
        changes.add_metric([site], head)
    yield changes
    yield CounterMetricFamily("skynet_rejects", "Messages ever refused", value=counts.rejects)
