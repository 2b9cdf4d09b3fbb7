"""Delays that end when a test says so, not when their seconds have passed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def delays_held() -> Generator[Callable[[], None]]:
    """Hold every delay of this process' servers until the function that is given is called, or the block ends."""
    released = threading.Event()

    async def wait(seconds: float) -> None:
        while seconds > 0 and not released.is_set():
            await asyncio.sleep(0.005)

    with mock.patch("fauxscale.clock.wait", wait):
        try:
            yield released.set
        finally:
            released.set()
