"""An event loop for tests of deadlines: in its time a minute passes at once, and a busy machine takes none of it."""

from __future__ import annotations

import asyncio
import selectors


class SkippingSelector(selectors.DefaultSelector):
    """A selector that does not wait: it says how long it would have."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skipped += timeout or 0.0
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in whose time a minute passes at once."""

    def __init__(self) -> None:
        self._selector = SkippingSelector()
        super().__init__(self._selector)

    def time(self) -> float:
        return self._selector.skipped

    def hold(self, seconds: float) -> None:
        """Let time pass in which nothing of this loop runs."""
        self._selector.skipped += seconds
