"""What a hostile run is: the inputs it tries, what came of each, and how far it goes."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from .results import KEPT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `what` is its line in the histogram; `broken` says which promise it broke.

    `charges`: how many that came to stay; where a run forgets its accounts now and then, none do. `work`: seconds that
    are granted for the pictures it made, whose size was asked for.
    """

    what: str
    reached: bool = False
    accepted: bool = False
    charges: int = 0
    broken: str = ""
    work: float = 0.0


class Run(Protocol[T]):
    """One kind of input. Inputs of type T are values: trying one twice is the same try."""

    @property
    def name(self) -> str: ...

    @property
    def promise(self) -> str:
        """What holds for every try, in a sentence."""
        ...

    @property
    def count(self) -> int:
        """How many tries the whole run has."""
        ...

    def opened(self) -> AbstractAsyncContextManager[Callable[[T], Awaitable[Outcome]]]:
        """Start what is tried; yields the function that tries an input on it."""
        ...

    def make(self, dice: random.Random) -> T: ...

    def smaller(self, given: T) -> Iterator[T]:
        """Inputs a step smaller than this one, the smallest first."""
        ...

    def write(self, given: T) -> bytes:
        """The input as it is kept in a file."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a run goes: tries, seconds, and where it keeps what it found."""

    count: int
    seconds: float = float("inf")
    resume: bool = False
    kept: Path = KEPT


def smaller_bytes(data: bytes) -> Iterator[bytes]:
    """Parts of `data` cut out: all of it first, then halves, single bytes last."""
    if data:
        yield b""
    size = len(data) // 2
    while size:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]
        size //= 2
