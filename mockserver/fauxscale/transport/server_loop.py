"""The event loop of a server: another thread may take its turn while it waits, to begin a task without waking it."""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ServerLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that works only while it holds a lock, and lets go of it while it waits for events.

    Most calls to a server of this process never wait for anything. To have the loop's thread answer one, and the
    caller's wake up again, takes as long as two such calls; a caller that takes the loop's turn answers it itself,
    and still nothing of the application ever runs twice at a time.

    Set `lends` once the application may be called, and unset it before that ends.
    """

    def __init__(self) -> None:
        self.lends = False
        self._turn = threading.Lock()
        self._turn.acquire()
        self._is_first = self._is_due = False
        self._first: Callable[[], object] = _nothing
        self._waiting = _Selector(self._turn)
        super().__init__(self._waiting)

    def take_turn(self, work: Callable[[], None]) -> bool:
        """Call `work`, which must not block, in the calling thread as if on this loop. False, and nothing is called, if
        the loop is busy or does not lend its turns, or if the caller is itself in an event loop."""
        if self._waiting.is_over or _is_in_loop() or self.get_debug():
            return False
        if not self._turn.acquire(blocking=False):
            return False
        try:
            if not self.lends:
                return False
            self._is_due = False
            asyncio._set_running_loop(self)
            try:
                work()
            finally:
                asyncio._set_running_loop(None)
                if self._is_due:
                    self.call_soon_threadsafe(_nothing)  # it waits, and has to look again what for
        finally:
            self._turn.release()
        return True

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Make a task and let it run until it first waits; within a task, which would have to be left for it, a turn
        later. For `work` of a turn, and for callbacks of this loop."""
        if asyncio.current_task(self) is not None:
            return self.create_task(coroutine, context=Context())
        # The first thing a task schedules is its first step (asyncio 3.11 to 3.14); its eager tasks need Python 3.12.
        self._is_first = True
        try:
            # A context of its own: the caller's names the caller's event loop, and trio's would mislead anyio.
            task = self.create_task(coroutine, context=Context())
        finally:
            self._is_first = False
        step, self._first = self._first, _nothing
        step()
        return task

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._is_first and context is not None:
            self._is_first = False
            self._first = lambda: context.run(callback, *args)
            return asyncio.Handle(callback, args, self, context)
        self._is_due = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._is_due = True
        return super().call_at(when, callback, *args, context=context)


class _Selector(selectors.DefaultSelector):
    """A selector that unlocks a lock, which its thread holds, while it waits.

    `is_over`: it waits for nothing but the lock, which it might never get from somebody who takes it again and again.
    """

    def __init__(self, lock: threading.Lock) -> None:
        super().__init__()
        self._lock = lock
        self.is_over = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._lock.release()
        try:
            return super().select(timeout)
        finally:
            self.is_over = True
            self._lock.acquire()
            self.is_over = False


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the loop for a server; Python's own on Windows, where a selector takes no more than 512 connections."""
    return asyncio.new_event_loop() if sys.platform == "win32" else ServerLoop()


def _is_in_loop() -> bool:
    """Whether the calling thread runs an event loop, asyncio's or trio's."""
    if asyncio._get_running_loop() is not None:
        return True
    if "trio" not in sys.modules:
        return False
    runs = getattr(sys.modules.get("trio.lowlevel"), "in_trio_run", None)
    return runs is None or bool(runs())  # an old trio does not tell


def _nothing() -> None:
    pass
