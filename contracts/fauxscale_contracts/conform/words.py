"""Fills in the arguments of a command line; those in brackets are left out if a scenario has no value for them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .candidate import CannotRun

_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Group:
    """Arguments that belong together; `optional` ones are left out if one of their placeholders has no value."""

    words: tuple[str, ...]
    optional: bool = False

    @property
    def holes(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(name for word in self.words for name in _HOLE.findall(word))

    def filled(self, values: Mapping[str, str]) -> Iterator[str]:
        """The arguments with their values; an unknown name in braces is left unchanged."""
        if self.optional and any(not values.get(name) for name in self.holes):
            return
        for word in self.words:
            yield _HOLE.sub(lambda found: values.get(found[1], found[0]), word)


def parse(command: Sequence[str], names: Iterable[str]) -> tuple[Group, ...]:
    """Split a command into arguments and groups: `--seed {seed}` in brackets, as one quoted argument or as several.

    Brackets form a group only around a placeholder of one of `names`: `[` is a program, too. Raises CannotRun for a
    bracket that is not closed.
    """
    known = frozenset(names)
    found: list[Group] = []
    ahead = list(command)
    while ahead:
        word = ahead.pop(0)
        if not word.startswith("["):
            found.append(Group((word,)))
            continue
        inside = [word]
        while not inside[-1].endswith("]") and ahead:
            inside.append(ahead.pop(0))
        text = " ".join(inside)
        if known.isdisjoint(_HOLE.findall(text)):
            found.append(Group((word,)))
            ahead[:0] = inside[1:]
            continue
        if not text.endswith("]"):
            raise CannotRun(f"{text!r} has no closing bracket")
        words = shlex.split(text[1:-1]) if len(inside) == 1 else [*_stripped(inside)]
        found.append(Group(tuple(words), optional=True))
    return tuple(found)


def _stripped(words: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        word = word[1:] if number == 0 else word
        word = word[:-1] if number == len(words) - 1 else word
        if word:
            yield word
