"""Finds which members of a server's JSON a client reads, by watching `json.loads`.

A client that parses with something else, or passes the whole value to compiled code, seems to read nothing: every
member of its answers must then count as used.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Generator, ItemsView, Iterator, KeysView, ValuesView
from contextlib import contextmanager
from inspect import currentframe
from typing import Any, cast
from unittest import mock

_OWN = ("fauxscale", "fauxscale_contracts")


class JsonReads:
    """The places read in each answer, `/body/data/*/url`, by the answer's bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[bytes, set[str]] = {}

    def expect(self, body: bytes) -> None:
        """Watch the parsing of these bytes, which a client is about to get."""
        if body[:1] in (b"{", b"["):
            with self._lock:
                self._reads.setdefault(_digest(body), set())

    def of(self, body: bytes) -> Collection[str] | None:
        """The places read in this answer so far; None if it was not seen."""
        with self._lock:
            return set(self._reads.get(_digest(body), ())) or None

    def forget(self) -> None:
        """Forget the answers: their test is over."""
        with self._lock:
            self._reads.clear()

    @contextmanager
    def watching(self) -> Generator[None]:
        """While entered, the value of an expected answer notes how it is read."""
        real = json.loads

        def loads(text: str | bytes | bytearray, *args: Any, **kwargs: Any) -> Any:
            value = real(text, *args, **kwargs)
            frame = currentframe()
            caller = str(frame.f_back.f_globals.get("__name__", "")) if frame and frame.f_back else ""
            # The stand-in reads its own answers too: to mask them, and for tests that ask about calls.
            if type(value) in (dict, list) and caller.partition(".")[0] not in _OWN:
                with self._lock:
                    reads = self._reads.get(_digest(text.encode() if isinstance(text, str) else text))
                if reads is not None:
                    return _noting(value, "/body", reads)
            return value

        with mock.patch.object(json, "loads", loads):
            yield


def _digest(body: bytes | bytearray) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


def _noting(value: Any, place: str, reads: set[str]) -> Any:
    """The same value, whose objects note which of their members are read."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        inside = {name: _noting(one, _member(place, name), reads) for name, one in members.items()}
        return _Object(inside, place, reads)
    if isinstance(value, list):
        return [_noting(one, f"{place}/*", reads) for one in cast("list[object]", value)]
    return value


def _member(place: str, name: object) -> str:
    return f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}"


class _Object(dict[str, Any]):
    """A JSON object that notes which of its members are read; copying it counts as reading all of it."""

    def __init__(self, members: dict[str, Any], place: str, reads: set[str]) -> None:
        super().__init__(members)
        self._place, self._reads = place, reads

    def _note(self, *names: object) -> None:
        self._reads.update((self._place, *(_member(self._place, name) for name in names)))

    def _note_all(self) -> None:
        self._note(*super().keys())

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self._note(name)
        return super().pop(name, *default)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._note_all()
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # typeshed has a class of its own for it
        self._note_all()
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # as above
        self._note_all()
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # as above
        self._note_all()
        return super().items()

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __eq__(self, other: object) -> bool:
        return dict(self) == other

    __hash__ = None

    def __reduce_ex__(self, _: Any) -> Any:
        return dict, (dict(self),)
