"""Caches the verdict on uploads by content, if hashing is cheaper than judging again."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from fauxscale.errors import ApiError
from fauxscale.workers import Workers

from .formats import PNG_SIGNATURE
from .peaks import memory_to_judge
from .permits import Permits
from .structure import Rules

if TYPE_CHECKING:
    from .probe import Picture


_QUICK_BYTES = 2 * 1024 * 1024
_QUICK_TO_HASH = 512 * 1024
_QUICK_PIXELS = 65_536
_SLIGHT = 64 * 1024 * 1024  # bytes of memory that a judgement may take without a permit
# The pictures accepted last are kept, up to a number and a total size: comparing takes a twentieth of hashing.
_MOST_RECENT = 64
_RECENT_BYTES = 12 * 1024 * 1024
_SAMPLE = 64


def _pixels(data: bytes) -> int:
    """Width times height of a PNG, from the header after its signature."""
    return int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big")


def _key(data: bytes, rules: Rules) -> tuple[bytes, Rules]:
    return hashlib.sha256(data).digest(), rules


def _sample(data: bytes) -> bytes:
    middle = len(data) // 2
    return b"%d " % len(data) + data[:_SAMPLE] + data[middle : middle + _SAMPLE] + data[-_SAMPLE:]


class ProbeCache:
    """Answers `probe` for known bytes without decoding them again.

    `memory` gives permits for the bytes of large judgements; renderings use the same permits.
    """

    # A hash costs 0.5 ms a MB, a decode 7 to 14, a PNG's checksum walk 0.2: only decoded pictures are worth it.
    _MOST = 2_000

    def __init__(self, workers: Workers, memory: Permits) -> None:
        self._workers = workers
        self._memory = memory
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[bytes, Rules], Picture | ApiError] = OrderedDict()
        self._recent: OrderedDict[tuple[bytes, Rules], tuple[bytes, Picture]] = OrderedDict()
        self._recent_bytes = 0

    async def judge(self, data: bytes, rules: Rules) -> Picture:
        """Return the picture in `data`, or raise its refusal; judges off the event loop unless that is quick."""
        sample = _sample(data), rules
        kept = self._recent.get(sample)
        if kept is not None and kept[0] == data:
            return kept[1]
        picture = self.judge_at_once(data, rules) or await self._judge_apart(data, rules)
        self._keep(sample, data, picture)
        return picture

    def _keep(self, sample: tuple[bytes, Rules], data: bytes, picture: Picture) -> None:
        """Keep an accepted picture among the recent ones."""
        with self._lock:
            before = self._recent.pop(sample, None)
            self._recent[sample] = data, picture
            self._recent_bytes += len(data) - (0 if before is None else len(before[0]))
            while self._recent_bytes > _RECENT_BYTES or len(self._recent) > _MOST_RECENT:
                self._recent_bytes -= len(self._recent.popitem(last=False)[1][0])

    async def _judge_apart(self, data: bytes, rules: Rules) -> Picture:
        work = partial(self.probe, data, rules)
        memory = memory_to_judge(data, rules)
        if memory <= _SLIGHT:
            return await self._workers.run(work)
        # Ahead of the renderings: an upload must not wait for all of them.
        async with self._memory.of(memory, first=True):
            return await self._workers.run(work)

    def judge_at_once(self, data: bytes, rules: Rules) -> Picture | None:
        """Judge, as `probe` does, if it takes under 2 ms: known uploads, and small PNG files. None for all others.

        Measured for PNG alone (2026-11): 1.5 ms to decode 65,000 pixels, 0.6 ms for each MB whose chunks are
        walked. A JPEG or WebP of few bytes may decode to millions of pixels.
        """
        if "fauxscale.images.probe" not in sys.modules:
            return None  # loading Pillow takes a tenth of a second
        if data[:8] != PNG_SIGNATURE:
            return self._recall(_key(data, rules)) if len(data) <= _QUICK_TO_HASH else None
        pixels = _pixels(data)
        quick = pixels <= _QUICK_PIXELS or pixels > rules.decode_up_to
        return self.probe(data, rules) if quick and len(data) <= _QUICK_BYTES else None

    def probe(self, data: bytes, rules: Rules) -> Picture:
        """Return the picture in `data`, or raise its ApiError."""
        from .formats import sniff
        from .probe import probe  # Pillow: loaded with the first picture

        if sniff(data) == "PNG" and len(data) > rules.decode_up_to:
            return probe(data, rules)
        key = _key(data, rules)
        if (known := self._recall(key)) is not None:
            return known
        try:
            verdict: Picture | ApiError = probe(data, rules)
        except ApiError as refusal:
            verdict = refusal.again()  # this one's traceback holds the upload
        with self._lock:
            self._known[key] = verdict
            while len(self._known) > self._MOST:
                self._known.popitem(last=False)
        if isinstance(verdict, ApiError):
            raise verdict.again()
        return verdict

    def _recall(self, key: tuple[bytes, Rules]) -> Picture | None:
        """Return the picture judged before, or raise its refusal; None for unknown bytes."""
        with self._lock:
            known = self._known.get(key)
        if isinstance(known, ApiError):
            raise known.again()
        return known
