"""A coroutine that has run until it first waits: what does not wait needs no timer."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class EagerCoroutine(Generic[T]):
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
            failed = came = None
            try:
                came = yield self._waits_for
            except BaseException as error:
                failed = error
            try:
                self._waits_for = coroutine.send(came) if failed is None else coroutine.throw(failed)
            except StopIteration as end:
                result: T = end.value
                return result
