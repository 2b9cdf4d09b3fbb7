"""A coroutine that has run until it first waits: what does not wait needs no timer."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """Runs a coroutine until it first waits for something; await it for the rest, unless it is `done`.

    Raises what the coroutine raises before it waits. For asyncio on the running loop.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._waits_for: Any = None
        self.done = False
        try:
            self._waits_for = coroutine.send(None)
        except StopIteration:
            self.done = True

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine = self._coroutine
        while True:
            # What it waits for goes to the task that awaits this, and what comes of that goes back to it.
            try:
                came = yield self._waits_for
            except BaseException as error:
                step, came = coroutine.throw, error
            else:
                step = coroutine.send
            try:
                self._waits_for = step(came)
            except StopIteration as end:
                result: T = end.value
                return result
