"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "unpaired_requests_total", "Answers, by path and status.", ["path", "status"], registry=self._registry
        )
        self.pictures = Counter(
            "unpaired_pictures_total", "Pictures translated.", ["run", "direction"], registry=self._registry
        )
        self.megapixels = Counter("unpaired_megapixels_total", "Megapixels translated.", registry=self._registry)
        self.seconds = Histogram(
            "unpaired_translate_seconds", "From a picture's arrival to its answer.",
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self.waiting = Gauge("unpaired_waiting", "Pictures that wait or are translated.", registry=self._registry)
        self.batches = Gauge("unpaired_batches", "Passes through a network.", registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)


__all__ = ["CONTENT_TYPE", "Metrics"]
