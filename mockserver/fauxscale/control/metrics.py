"""Metrics of this server since its start, in Prometheus' text format."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from fauxscale.images.renderer import Renderer
from fauxscale.state.journal import Entry
from fauxscale.state.timed_store import TimedStore

# https://prometheus.io/docs/instrumenting/exposition_formats/ (read 2026-11-22).
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The values of a metric's labels: provider, operation, and for some metrics a third.
Labels: TypeAlias = tuple[object, ...]
_LABELS = ("provider", "operation")


class Metrics:
    """The counts of one worker. They only grow, also over resets; those of several workers can be added."""

    def __init__(self, renderer: Renderer, store: TimedStore) -> None:
        self._renderer = renderer
        self._store = store
        self._calls: dict[Labels, float] = defaultdict(float)
        self._seconds: dict[Labels, float] = defaultdict(float)
        self._refusals: dict[Labels, float] = defaultdict(float)
        self._charged: dict[Labels, float] = defaultdict(float)
        self._received = self._sent = 0

    def note(self, entry: Entry) -> None:
        """Count a call that has ended."""
        provider, operation = entry.provider, entry.operation
        self._calls[provider, operation, entry.status] += 1
        self._seconds[provider, operation] += entry.ended - entry.started
        if entry.rule:
            self._refusals[provider, operation, entry.rule] += 1
        if entry.cost:
            self._charged[provider, operation] += entry.cost / 1_000_000
        self._received += entry.bytes_received
        self._sent += entry.bytes_sent

    def text(self) -> str:
        """Write all metrics, each with its description."""
        rendered, waiting = self._renderer.rendered, self._renderer.pending
        families = (
            _family("calls_total", "counter", "Calls that have ended; status none: cut off.", self._calls, "status"),
            _family("call_seconds_total", "counter", "Seconds that calls took.", self._seconds),
            _family("refusals_total", "counter", "Calls refused, by the rule that did so.", self._refusals, "rule"),
            _family("charged_dollars_total", "counter", "Dollars charged for calls.", self._charged),
            _family("received_bytes_total", "counter", "Bytes of bodies received, where known.", {(): self._received}),
            _family("sent_bytes_total", "counter", "Bytes of bodies sent, where known.", {(): self._sent}),
            _family("renderings_total", "counter", "Pictures rendered.", {(): rendered}),
            _family("renderings_pending", "gauge", "Pictures being rendered or waiting for it.", {(): waiting}),
            _family("store_batches_total", "counter", "Batches that the store executed.", {(): self._store.batches}),
            _family("store_seconds_total", "counter", "Seconds that those took.", {(): self._store.seconds}),
        )  # fmt: skip
        return "".join(line for family in families for line in family)


def _family(
    name: str, kind: str, about: str, values: Mapping[Labels, float], last: str = ""
) -> Iterator[str]:
    yield f"# HELP fauxscale_{name} {about}\n# TYPE fauxscale_{name} {kind}\n"
    for labels, value in values.items():
        known = {**dict(zip((*_LABELS, last), labels, strict=False)), "worker": os.getpid()}
        said = ",".join(f'{one}="{"none" if of is None else of}"' for one, of in known.items())
        yield f"fauxscale_{name}{{{said}}} {value:.17g}\n"
