"""Ends a run cleanly on a signal: from a terminal, by a time limit of CI, by a closed window."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform != "win32":
    _SIGNALS.append(signal.SIGHUP)


class Interrupts:
    """A context manager: inside, the first such signal raises KeyboardInterrupt, and later ones wait for the end that
    it began. Signals that were ignored before (by `nohup`, for example) stay ignored."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._first: signal.Signals | None = None

    @property
    def came(self) -> bool:
        """Whether a signal came."""
        return self._first is not None

    @property
    def code(self) -> int:
        """The exit status for the signal that came, as shells give it."""
        return 128 + int(self._first or signal.SIGINT)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.getsignal(one) for one in _SIGNALS}
            for one, handler in self._before.items():
                if handler is not signal.SIG_IGN:
                    signal.signal(one, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        if self._first is None:
            self._first = signal.Signals(number)
            raise KeyboardInterrupt
