"""Windows that count units: fixed ones, and rolling ones that allow for a clock moved back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from math import floor
from typing import TypeAlias

from msgspec import Struct, field

from .batch import Window, WindowState

# Counts are kept this long in real time, for a clock that is moved back, and never more of them than this.
_LIFE = 3600.0
_MOST_WINDOWS = 1_000
_MOST_EVENTS = 10_000

# Time by the account's clock, units, real time.
Event: TypeAlias = tuple[float, int, float]


class BatchRefused(Exception):
    """Raised to stop a batch; `found` is what the operation found instead."""

    def __init__(self, found: object) -> None:
        super().__init__()
        self.found = found


class FixedWindows(Struct):
    """Units by window, least recently used first."""

    since: float
    used: dict[int, tuple[int, float]] = field(default_factory=dict[int, tuple[int, float]])

    def count(self, operation: Window, now: float) -> tuple[WindowState, Callable[[], object]]:
        """Count units in, and return how to undo that. Raises BatchRefused if there are too many."""
        number = floor((operation.now - self.since) / operation.span)
        reset = self.since + (number + 1) * operation.span - operation.now
        used = self.used.get(number, (0, now))[0]
        if used + operation.units > operation.most:
            raise BatchRefused(WindowState(used, reset))
        self.used.pop(number, None)
        self.used[number] = (used + operation.units, now)
        for old, (_, touched) in list(self.used.items()):
            if len(self.used) <= _MOST_WINDOWS and now - touched < _LIFE + operation.span:
                break
            del self.used[old]
        return WindowState(used + operation.units, reset), lambda: self.used.update({number: (used, now)})


class RollingWindow(Struct):
    """Each count with its time by the account's clock, in that order."""

    events: list[Event] = field(default_factory=list[Event])

    def count(self, operation: Window, now: float) -> tuple[WindowState, Callable[[], object]]:
        """Count units in, and return how to undo that. Raises BatchRefused if there are too many.

        Units at `now` count, those a whole span ago do not; later ones were counted before the clock was moved
        back, and count again when it gets there.
        """
        events = self.events
        first = bisect_right(events, operation.now - operation.span, key=_at)
        last = bisect_right(events, operation.now, key=_at)
        used = sum(units for _, units, _ in events[first:last])
        if used + operation.units > operation.most:
            opens = _opens(events[first:last], used + operation.units - operation.most)
            raise BatchRefused(WindowState(used, max(0.0, opens + operation.span - operation.now)))
        event = (operation.now, operation.units, now)
        insort(events, event, key=_at)
        self._forget(operation, now)
        oldest = events[bisect_right(events, operation.now - operation.span, key=_at)][0]
        state = WindowState(used + operation.units, oldest + operation.span - operation.now)
        return state, lambda: events.remove(event)

    def _forget(self, operation: Window, now: float) -> None:
        """Drop counts older than the window by both clocks, and the oldest beyond the limit."""
        events = self.events
        old = bisect_left(events, operation.now - operation.span, key=_at)
        most = max(_MOST_EVENTS, 2 * operation.most)
        gone = 0
        while gone < old and (len(events) - gone > most or now - events[gone][2] > _LIFE + operation.span):
            gone += 1
        del events[:gone]


def _at(event: Event) -> float:
    return event[0]


def _opens(events: Sequence[Event], units: int) -> float:
    """Find the time of the event with which at least `units` units will have left the window."""
    left = 0
    for at, one, _ in events:
        left += one
        if left >= units:
            return at
    return events[-1][0] if events else 0.0
