"""Waits for what happens in another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool]) -> bool:
    """Whether this becomes true, within a time that is long enough for any machine."""
    deadline = time.monotonic() + 60
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return done
