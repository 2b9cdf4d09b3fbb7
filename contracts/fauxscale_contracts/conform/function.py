"""Runs a Python callable as the client under test, in a thread of its own and with a time limit."""

from __future__ import annotations

import contextvars
import json
import os
import queue
import threading
from collections.abc import Callable, Mapping

from .candidate import ClientResult, Task
from .sanitize import Sanitizer

Upscale = Callable[..., object]
"""Called as `upscale(endpoint, image, **options)`; returns the larger picture's bytes or raises. In other lists it is
called without an image, or with a mask after it; a function that describes returns a text."""

# Exceptions of a client that did not check a reply: these are not a clean failure.
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
    """A callable under test. `failures`: the exceptions by which it reports failure; None: all except CRASHES."""

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
            ended.put(context.run(self._call, task))

        threading.Thread(target=work, name="client under test", daemon=True).start()
        try:
            return ended.get(timeout=task.limit)
        except queue.Empty:
            return ClientResult("hung", said=f"still running after {task.limit:g} s, the limit")

    def stop(self) -> None:
        """Do nothing: threads end with the process."""

    def _call(self, task: Task) -> ClientResult:
        try:
            picture = self._upscale(task.endpoint, *task.files.values(), **task.options)
        except BaseException as error:
            return ClientResult("failed" if self._is_clean(error) else "crashed", said=self._name(error))
        if isinstance(picture, bytes | bytearray) and task.kind != "describe":
            return ClientResult("returned", bytes(picture))
        if isinstance(picture, str) and task.kind == "describe":
            return ClientResult("returned", picture.encode(errors="replace"))
        wanted = "str" if task.kind == "describe" else "bytes"
        return ClientResult("returned", said=f"returned {type(picture).__name__}, not {wanted}")

    def _is_clean(self, error: BaseException) -> bool:
        if self._failures is not None:
            return isinstance(error, self._failures)
        return isinstance(error, Exception) and not isinstance(error, CRASHES)

    def _name(self, error: BaseException) -> str:
        text = self._sanitizer.line(str(error), 100)
        return type(error).__name__ + (f": {text}" if text else "")
