"""Runs a Python callable as the client under test, in a thread of its own, given up on at its limit."""

from __future__ import annotations

import contextvars
import json
import os
import queue
import threading
from collections.abc import Callable, Mapping

from .candidate import ClientResult, Endpoint, Task
from .sanitize import Sanitizer

Upscale = Callable[..., object]
"""Called as `upscale(endpoint, image, **options)`; returns the larger picture's bytes or raises."""

# What a client raises that did not check a reply: these are not a clean failure.
CRASHES: tuple[type[BaseException], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RecursionError,
    TypeError,
    UnicodeError,
    json.JSONDecodeError,
)


class Function:
    """A callable under test. `failures`: the exceptions by which it says that it failed; None: all but CRASHES."""

    def __init__(self, upscale: Upscale, failures: tuple[type[BaseException], ...] | None = None) -> None:
        self._upscale = upscale
        self._failures = failures
        self._sanitizer = Sanitizer(os.environ)

    def accepts(self, options: Mapping[str, object]) -> bool:
        return True

    def run(self, task: Task) -> ClientResult:
        ended: queue.SimpleQueue[ClientResult] = queue.SimpleQueue()
        context = contextvars.copy_context()

        def work() -> None:
            ended.put(context.run(self._call, task.endpoint, task.image, task.options))

        threading.Thread(target=work, name="client under test", daemon=True).start()
        try:
            return ended.get(timeout=task.limit)
        except queue.Empty:
            return ClientResult("hung", said=f"still running after {task.limit:g} s")

    def stop(self) -> None:
        """Do nothing: threads end with the process."""

    def _call(self, endpoint: Endpoint, image: bytes, options: Mapping[str, object]) -> ClientResult:
        try:
            picture = self._upscale(endpoint, image, **options)
        except BaseException as error:
            return ClientResult("failed" if self._is_clean(error) else "crashed", said=self._name(error))
        if isinstance(picture, bytes | bytearray):
            return ClientResult("returned", bytes(picture))
        return ClientResult("returned", said=f"returned {type(picture).__name__}, not bytes")

    def _is_clean(self, error: BaseException) -> bool:
        if self._failures is not None:
            return isinstance(error, self._failures)
        return isinstance(error, Exception) and not isinstance(error, CRASHES)

    def _name(self, error: BaseException) -> str:
        text = self._sanitizer.line(str(error), 100)
        return type(error).__name__ + (f": {text}" if text else "")
