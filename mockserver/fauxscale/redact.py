"""Masks secrets before anything reaches a disk or a screen: keys, tokens, signatures."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import cast
from urllib.parse import quote, quote_plus, unquote

from msgspec import Struct

from .credentials import (
    BY_PLACE,
    ENCODED,
    LAYERS,
    MASK,
    SHAPES,
    TELLING,
    is_secret,
    named_in,
    names_secret,
    shorten,
    split_scheme,
)
from .key_shapes import without_keys

# A character as JSON or a Python literal may spell it.
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\"'\\/]))")
_MOST_PIECES = 200  # a text of more pieces is decoded as a whole, others piece by piece
# The key to use where any will do; hidden, the magic words of prompts (`fauxscale:429`) could not be played back.
_NO_SECRET = frozenset({"fauxscale"})
_SHORTEST = 4  # a shorter secret is no secret: hiding it everywhere would blot out all text


def fingerprint(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal: to recognize it."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def nickname(secret: str, hashed: str = "") -> str:
    """Shorten a secret so that it differs from others of the same beginning: "sk-a…3f0c".

    The four digits are of its SHA-256, which may be `hashed` already: too few to find a key by, were it not guessed.
    """
    return shorten(secret) + (hashed or fingerprint(secret))[:4]


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), value)


def _quoted(value: str) -> str:
    return quote(value).replace(quote(MASK), MASK)


class _Coding(Struct, frozen=True):
    """A way to write a text in other characters: what shows it, how it is undone and done, and in which pieces.

    `layers` is how many of the layers that are looked through it counts for.
    """

    sign: str
    pieces: re.Pattern[str]
    decode: Callable[[str], str]
    encode: Callable[[str], str]
    layers: int


_CODINGS = (
    _Coding("%", ENCODED, unquote, _quoted, 1),
    # Of JSON and of Python's `repr`; JSON in JSON is as deep as these go.
    _Coding("\\", re.compile(r"(?<!\S)[^\s\\]*+\\\S*+"), _unescaped, str, 2),
)


class Mask:
    """Hides everything that looks like a secret, and `known` secrets anywhere, whatever they look like.

    Made once for a call: it remembers all spellings of its secrets. The beginning of a known secret is hidden as
    well, since reasons quote the first characters of a request.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._spellings = _all_spellings(known)
        self._heads: dict[str, list[tuple[str, str]]] = {}
        for spelling, short in self._spellings:
            self._heads.setdefault(spelling[:TELLING], []).append((spelling, short))

    def text(self, value: str) -> str:
        """Mask the secrets in any text (URL, JSON, message), also where it is percent-encoded or escaped."""
        return self._hidden(value, LAYERS)

    def _hidden(self, value: str, layers: int) -> str:
        for spelling, short in [*self._spellings, *_all_spellings(named_in(value))]:
            value = value.replace(spelling, short)
        hiding = [coding for coding in _CODINGS if self._finds_in(value, coding, layers)]
        # Piece by piece, so that the rest stays unchanged; and as a whole if a secret is in several pieces.
        for coding in hiding:
            value = self._without_pieces(value, coding, layers - coding.layers)
        value = self._plainly(value)
        for coding in hiding:
            if self._finds_in(value, coding, layers):
                value = self._hidden(coding.decode(value), layers - coding.layers)
        return value

    def _finds_in(self, value: str, coding: _Coding, layers: int) -> bool:
        """Whether a secret shows in a text once it is decoded."""
        if layers <= 0 or coding.sign not in value:
            return False
        plain = coding.decode(value)
        return self._hidden(plain, layers - coding.layers) != plain

    def _without_pieces(self, value: str, coding: _Coding, layers: int) -> str:
        if value.count(coding.sign) > _MOST_PIECES:
            return value

        def within(found: re.Match[str]) -> str:
            plain = coding.decode(found[0])
            hidden = self._hidden(plain, layers)
            return found[0] if hidden == plain else coding.encode(hidden)

        return coding.pieces.sub(within, value)

    def _plainly(self, value: str) -> str:
        """Hide beginnings of known secrets, and what looks like a secret, without decoding the text."""
        for head, beginning_so in self._heads.items():
            value = _without(value, head, beginning_so)
        for sign, pattern in BY_PLACE:
            if sign in value:
                value = pattern.sub(lambda found: found[1] + MASK, value)
        return without_keys(SHAPES.sub(lambda found: shorten(found[0]), value), shorten)

    def json(self, value: object) -> object:
        """Mask the secrets in the names and texts of JSON; all text under a name that marks a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, object]", value).items()
            return {
                self.text(name): shortened(one) if names_secret(name) else self.json(one)
                for name, one in pairs
            }
        if isinstance(value, list | tuple):
            return [self.json(one) for one in cast("Sequence[object]", value)]
        return value

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Shorten the values of secret headers, and mask the others, and all names, as any text."""
        shown = [(name, _shortened(value) if is_secret(name) else value) for name, value in pairs]
        # Nearly always there is nothing to hide, which one search over all of them together finds out.
        together = "\n".join(f"{name}\n{'' if is_secret(name) else value}" for name, value in shown)
        if self.text(together) == together:
            return shown
        return [(self.text(name), value if is_secret(name) else self.text(value)) for name, value in shown]


def headers(pairs: Iterable[tuple[str, str]], known: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Mask header pairs with a `Mask` of the `known` secrets."""
    return Mask(known).headers(pairs)


def text(value: str, known: Iterable[str] = ()) -> str:
    """Mask any text with a `Mask` of the `known` secrets."""
    return Mask(known).text(value)


def shortened(value: object) -> object:
    """Shorten every text in JSON that is a secret as a whole."""
    if isinstance(value, Mapping):
        return {name: shortened(one) for name, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [shortened(one) for one in cast("Sequence[object]", value)]
    return shorten(value) if isinstance(value, str) else value


def _shortened(value: str) -> str:
    scheme, secret = split_scheme(value)
    return scheme + shorten(secret)


def _all_spellings(secrets: Iterable[str]) -> list[tuple[str, str]]:
    """List each spelling of a secret with its replacement, the longest secret first."""
    known = sorted({one for one in secrets if len(one) >= _SHORTEST} - _NO_SECRET, key=len, reverse=True)
    return [(spelling, shorten(secret)) for secret in known for spelling in _spellings(secret)]


def _spellings(secret: str) -> set[str]:
    """The spellings of a secret, except those that `Mask` decodes."""
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    if len(secret) >= TELLING:
        found.add(secret.lower())  # hosts and media types are quoted in lower case
    for read, meant in (
        ("latin-1", "utf-8"),
        ("utf-8", "latin-1"),
    ):  # headers come as Latin-1, bodies as UTF-8
        with suppress(UnicodeError):
            found.add(secret.encode(read).decode(meant))
    return found


def _without(value: str, head: str, secrets: Sequence[tuple[str, str]]) -> str:
    """Replace each text that begins with `head` by the short form of the one of `secrets`, which begin with it too,
    that it matches for longest; and as far as it matches."""
    pieces: list[str] = []
    start = 0
    while (at := value.find(head, start)) >= 0:
        end, short = max((at + _alike(value, at, secret), short) for secret, short in secrets)
        pieces += [value[start:at], short]
        start = end
    return "".join([*pieces, value[start:]])


def _alike(value: str, at: int, secret: str) -> int:
    """For how many characters `value` matches `secret` from `at`."""
    piece = value[at : at + len(secret)]  # copying the rest for each find would take forever
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(piece, secret, strict=False)))
