"""Watches what this process connects to: no test leads out of this machine, whatever it starts in here."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from fauxscale.hosts import leads_here


class LeadsOut(OSError):
    """Raised instead of a connection to another machine, and instead of asking a resolver for its name."""


# The last connections begun, for tests that count them; and what would have led out, which no test may leave behind.
begun: deque[tuple[str, int]] = deque(maxlen=10_000)
refused: list[str] = []


def watch() -> None:
    """From now on, for as long as the process lives: audit hooks cannot be taken away."""
    sys.addaudithook(_hook)


def _hook(event: str, arguments: Sequence[Any]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple):
            begun.append((str(address[0]), int(address[1])))
            _check(f"connect to {address[0]}:{address[1]}", str(address[0]))
    elif event == "socket.getaddrinfo" and arguments[0]:
        host = arguments[0]
        _check(f"resolve {host!r}", host.decode("latin-1") if isinstance(host, bytes) else str(host))


def _check(what: str, host: str) -> None:
    if not leads_here(host.partition("%")[0]):
        refused.append(what)
        raise LeadsOut(f"a test would {what}")
