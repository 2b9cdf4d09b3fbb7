"""Observation: a call as it went over the wire, for observers such as contract checks in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Observation(Struct, frozen=True):
    """One API call, unredacted: it is for memory, never for a disk or a screen.

    `api_version` is the recorded contract the provider followed, "" if it has only one. `status` is None when the
    connection was cut instead of answered. Not `whole`: the call ended before all of its body had come in.
    """

    account: str
    provider: str
    api_version: str
    operation: str
    faults: tuple[str, ...]
    method: str
    url: str
    headers: Headers
    body: bytes
    whole: bool
    status: int | None
    reply_headers: Headers
    reply: bytes


# Called by the server once a call is answered, in its own thread or in the caller's: it should return quickly.
Observer: TypeAlias = Callable[[Observation], None]
