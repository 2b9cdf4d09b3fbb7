"""Recognizes keys of well-known services by their shape.

The shapes (`key_shapes.json`) are CredSweeper's, under its licence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

_compiled = lru_cache(None)(re.compile)


class KeyShape(Struct, frozen=True):
    """The shape of a service's keys: a text without any of `signs` contains none of them."""

    name: str
    signs: tuple[str, ...]
    pattern: str

    def find(self, text: str) -> Iterator[re.Match[str]]:
        # Compiling them all takes as long as answering a hundred calls.
        return _compiled(self.pattern).finditer(text)


# Replicate's tokens, of 40 characters (its documentation of 2026), which CredSweeper does not know.
_REPLICATE = KeyShape(
    "Replicate", ("r8_",), r"(?:(?<![0-9A-Za-z_-])|(?<=\\[abfnrtv0]))(?P<value>r8_[0-9A-Za-z]{30,60})"
)


@lru_cache(1)
def key_shapes() -> tuple[KeyShape, ...]:
    """Every known shape, loaded on first use: a server whose journal nobody reads never loads them."""
    made = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    known = (KeyShape(one["name"], tuple(one["signs"]), one["pattern"]) for one in made["shapes"])
    return (*known, _REPLICATE)


@lru_cache(1)
def _signs() -> tuple[tuple[str, KeyShape], ...]:
    return tuple((sign, shape) for shape in key_shapes() for sign in shape.signs)


def _likely(text: str) -> Iterable[KeyShape]:
    """The shapes of which a text contains a sign: for most texts none."""
    # One pass over all signs: a function call for each shape took half as long as all else that a call costs.
    return dict.fromkeys([shape for sign, shape in _signs() if sign in text])


def keys_in(text: str) -> Iterator[str]:
    """Yield each key in a text, service by service."""
    for shape in _likely(text):
        for found in shape.find(text):
            yield found["value"]


def without_keys(text: str, shorten: Callable[[str], str]) -> str:
    """Shorten each key in a text."""
    for shape in _likely(text):
        pieces, end = list[str](), 0
        for found in shape.find(text):
            pieces += [text[end : found.start("value")], shorten(found["value"])]
            end = found.end("value")
        text = "".join([*pieces, text[end:]]) if end else text
    return text
