"""Every metric of the relay, by the names operators build alerts on. Labels are bounded: never a symbol.

Whoever counts something begins each of its series at zero, as soon as it may be counted: Prometheus sees no increase in
a series whose first value is 1, and the first dead letter is the one to hear of.
"""

from __future__ import annotations

import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from relay import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, which nobody here asks for

RESULTS: Final = ("delivered", "dead", "expired", "suppressed")  # what may become of a delivery

_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)


class Metrics:
    """One registry, so that two relays in a test don't share counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        reg = self.registry
        self.connected = Gauge("relay_upstream_connected", "1 while the socket is acknowledged", registry=reg)
        self.frames = Counter("relay_upstream_frames", "Frames received", ["type"], registry=reg)
        self.rejected = Counter(
            "relay_upstream_frames_rejected", "Frames that could not be used", ["reason"], registry=reg
        )
        self.events = Counter("relay_events", "New events stored", ["channel", "source"], registry=reg)
        self.duplicates = Counter("relay_events_duplicate", "Sightings of events already stored", registry=reg)
        self.backfills = Counter("relay_backfills", "Backfill rounds", ["result"], registry=reg)
        self.holes = Counter("relay_backfill_holes", "Ranges the upstream would not show whole", registry=reg)
        self.deliveries = Counter("relay_deliveries", "Deliveries that ended", ["destination", "result"], registry=reg)
        self.attempts = Counter(
            "relay_delivery_attempts", "Attempts by what came back", ["destination", "code"], registry=reg
        )
        self.latency = Histogram(
            "relay_delivery_latency_seconds",
            "Event received to 2xx",
            ["destination"],
            buckets=_LATENCY_BUCKETS,
            registry=reg,
        )
        self.queue_depth = Gauge("relay_queue_depth", "Deliveries waiting", ["destination"], registry=reg)
        self.oldest_pending = Gauge(
            "relay_oldest_pending_seconds",
            "Age of the oldest waiting delivery",
            ["destination"],
            registry=reg,
        )
        self.reload_success = Gauge(
            "relay_config_last_reload_success", "1 when the last load of the config worked", registry=reg
        )
        self.reload_success.set(1)  # whoever has metrics to show has loaded a config

        self.build = Gauge("relay_build_info", "1; the labels say what runs", ["version", "python"], registry=reg)
        self.build.labels(__version__, platform.python_version()).set(1)
        ProcessCollector(registry=reg)  # process_start_time_seconds, process_resident_memory_bytes, …

    def await_destination(self, name: str) -> None:
        """Begin to count what becomes of a destination's deliveries."""
        for result in RESULTS:
            self.deliveries.labels(name, result)
        self.latency.labels(name)

    def render(self) -> bytes:
        """The exposition text (Prometheus 0.0.4)."""
        return generate_latest(self.registry)
