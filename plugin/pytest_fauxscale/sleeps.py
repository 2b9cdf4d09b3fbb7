"""Sleeps while tests are explored: noted and skipped, and the account's clock moves by them instead."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import suppress
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from fauxscale.clock import stopwatch
from fauxscale.transport.server_loop import ServerLoop
from fauxscale_contracts.explore.played import Sleep

if TYPE_CHECKING:
    from fauxscale.client import AccountHandle

# What a server sleeps is its own: the thread of a MockServer has this name, or another thread takes its loop's turn.
_SERVER = "fauxscale"
_MOST = 366 * 86_400.0


def are_slept() -> bool:
    """Whether time.sleep and asyncio.sleep are Python's own; a test may have replaced either."""
    return isinstance(time.sleep, BuiltinFunctionType) and asyncio.sleep.__module__ == asyncio.tasks.__name__  # noqa: TID251  # the client's


def _serves() -> bool:
    """Whether this is the server's own doing."""
    return threading.current_thread().name == _SERVER or isinstance(asyncio._get_running_loop(), ServerLoop)


class Sleeps:
    """Replaces time.sleep, asyncio.sleep and trio's while it is installed. Modules may keep what they find there, as a
    default argument for one: it is installed before any of the user's is loaded."""

    def __init__(self) -> None:
        self._account: AccountHandle | None = None
        self._noted: list[Sleep] = []
        self._really = time.sleep
        self._replaced: list[tuple[Any, Any]] = []  # a module, and what was there before
        self._ours: list[tuple[Any, Any]] = []

    def install(self) -> None:
        """Replace the functions."""
        self._replace(time, self._plain)
        self._replace(asyncio, self._asynchronous(asyncio.sleep))  # noqa: TID251  # the client's
        if (trio := sys.modules.get("trio")) is not None:
            self._replace(trio, self._asynchronous(trio.sleep))

    def remove(self) -> None:
        """Put the functions back."""
        for module, before in self._replaced:
            module.sleep = before
        self._replaced, self._ours = [], []

    def begin(self, account: AccountHandle) -> None:
        """From here on sleeps are this account's."""
        self._account, self._noted = account, []

    def end(self) -> None:
        """From here on sleeps are slept."""
        self._account = None

    @property
    def noted(self) -> tuple[Sleep, ...] | None:
        """The sleeps since `begin`; None where somebody else has replaced a function meanwhile."""
        kept = all(module.sleep is ours for module, ours in self._ours)
        return tuple(self._noted) if kept else None

    def _replace(self, module: Any, ours: Any) -> None:
        self._replaced.append((module, module.sleep))
        self._ours.append((module, ours))
        module.sleep = ours

    def _note(self, seconds: float) -> bool:
        """Note a sleep and move the clock by it; False where it is none of a test."""
        account = self._account
        if account is None or seconds <= 0 or _serves():
            return False
        self._noted.append(Sleep(stopwatch(), seconds))
        with suppress(LookupError, RuntimeError, ValueError, OSError):  # the account may be gone by now
            account.clock.advance(seconds=min(seconds, _MOST))
        return True

    def _plain(self, seconds: float, /) -> None:
        self._really(0 if self._note(seconds) else seconds)

    def _asynchronous(self, really: Any) -> Any:
        async def sleep(delay: float, *result: object) -> object:
            return await really(0 if self._note(delay) else delay, *result)

        return sleep
