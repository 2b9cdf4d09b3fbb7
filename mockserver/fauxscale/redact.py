"""Masks secrets before anything reaches a disk or a screen: keys, tokens, signatures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import cast
from urllib.parse import quote, unquote

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-fauxscale-token",
        "x-fal-cdn-token",
        "x-fal-webhook-signature",
    }
)
# Members of a query string or a JSON body whose value is a secret, in any provider's spelling.
_SECRET_MEMBERS = r"api[-_]?key|access[-_]?token|token|secret|password|sig|signature|authorization"
_IN_QUERY = re.compile(rf"(?i)([?&;](?:{_SECRET_MEMBERS}|key)=)[^&;#\s\"'<>\\]+")
_IN_JSON = re.compile(rf'(?i)("(?:{_SECRET_MEMBERS})"\s*:\s*")(?:[^"\\]|\\.)+')
# What keys of the imitated services look like, wherever they turn up.
_KEY_SHAPES = re.compile(
    r"sk-(?:aig-|proj-|ant-)?[A-Za-z0-9_-]{8,}"
    r"|lmnfl_[A-Za-z0-9]+\.[A-Za-z0-9_-]+"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{16,}"
    r"|\b(?:Bearer|Key)\s+[A-Za-z0-9._:~+/=-]{8,}"
)
_SCHEME = re.compile(r"(?:Bearer|Key)\s+")
# A piece of a text with percent-encoding in it, such as an address that is the value of another's query.
_APART = r"\s\"'<>\\?&=;#"
_ENCODED = re.compile(rf"(?<![^{_APART}])[^{_APART}]*?%[0-9A-Fa-f]{{2}}[^{_APART}]*+")
_LAYERS = 3  # encodings within encodings that are looked through
_SHORTEST = 4  # a secret shorter than this is no secret, and looked for everywhere it would blot out all text
_TELLING = 12  # so much of a known secret, or all of a shorter one, is told from any other text
_MASK = "…"


def shorten(secret: str) -> str:
    """Shorten a secret to its first four characters, never more than a third of it, so that two can be told apart."""
    if secret.endswith(_MASK):
        return secret
    return secret[: min(4, len(secret) // 3)] + _MASK


def nickname(secret: str) -> str:
    """Shorten a secret so that it differs from others of the same beginning: "sk-a…3f0c".

    The four digits are of its SHA-256: too few to find a key by, were it not guessed already.
    """
    return shorten(secret) + hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:4]


class Mask:
    """Hides whatever looks like a secret, and `known` secrets wherever they stand, whatever they look like.

    Made once for a call: it remembers how each of its secrets may be spelt. The beginning of a known secret is
    hidden as well, for reasons quote the first characters of what was sent.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        secrets = sorted({one for one in known if len(one) >= _SHORTEST}, key=len, reverse=True)
        self._spellings = [
            (spelling, shorten(secret))
            for secret in secrets
            for spelling in {secret, quote(secret), quote(secret, safe="")}
        ]

    def text(self, value: str) -> str:
        """Mask the secrets in any text (URL, JSON, message), also where it is percent-encoded."""
        for spelling, short in self._spellings:
            value = _without(value, spelling, short)
        return _masked(value, _LAYERS)

    def json(self, value: object) -> object:
        """Mask the secrets in the texts of JSON."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.json(one) for name, one in cast("Mapping[str, object]", value).items()}
        if isinstance(value, list | tuple):
            return [self.json(one) for one in cast("Sequence[object]", value)]
        return value

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Shorten the values of secret headers, and mask the others as any text."""
        shown = [(name, _shortened(value) if is_secret(name) else value) for name, value in pairs]
        # Nearly always there is nothing to hide, which one look at all of them together finds out.
        together = "\n".join(value for name, value in shown if not is_secret(name))
        if self.text(together) == together:
            return shown
        return [(name, value if is_secret(name) else self.text(value)) for name, value in shown]


def headers(pairs: Iterable[tuple[str, str]], known: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Mask header pairs with a `Mask` of the `known` secrets."""
    return Mask(known).headers(pairs)


def secrets(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """List the secrets that header pairs hold, in full: to search for them elsewhere, never to be kept."""
    return [_split(value)[1] for name, value in pairs if is_secret(name)]


def is_secret(name: str) -> bool:
    """Whether the value of a header of this name is a secret, whatever it looks like."""
    return name.lower() in SECRET_HEADERS or name.lower().startswith("x-byok-")


def _shortened(value: str) -> str:
    scheme, secret = _split(value)
    return scheme + shorten(secret)


def _split(value: str) -> tuple[str, str]:
    """Split the scheme (`Bearer `, or nothing) from a secret: a cookie has spaces and no scheme."""
    scheme, _, rest = value.partition(" ")
    return (f"{scheme} ", rest) if rest and scheme.isalpha() else ("", value)


def text(value: str, known: Iterable[str] = ()) -> str:
    """Mask any text with a `Mask` of the `known` secrets."""
    return Mask(known).text(value)


def _without(value: str, secret: str, short: str) -> str:
    """Replace `secret` in `value` by `short`, and so whatever begins as it does for _TELLING characters or more."""
    pieces: list[str] = []
    start, head = 0, secret[:_TELLING]
    while (at := value.find(head, start)) >= 0:
        end = at + len(secret)  # a copy of all that follows, for each find, would take forever
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(value[at:end], secret, strict=False))
        pieces += [value[start:at], short]
        start = at + sum(1 for _ in alike)
    return "".join([*pieces, value[start:]])


def _masked(value: str, layers: int) -> str:
    value = _IN_QUERY.sub(lambda found: found[1] + _MASK, value)
    value = _IN_JSON.sub(lambda found: found[1] + _MASK, value)
    value = _KEY_SHAPES.sub(lambda found: shorten(found[0]), value)
    if layers and "%" in value and _masked(plain := unquote(value), layers - 1) != plain:
        value = _ENCODED.sub(lambda found: _within(found[0], layers - 1), value)
    return value


def _within(encoded: str, layers: int) -> str:
    plain = unquote(encoded)
    masked = _masked(plain, layers)
    return encoded if masked == plain else quote(masked).replace(quote(_MASK), _MASK)


def findings(value: str) -> list[str]:
    """List the key-like things in a text, shortened, in order. Empty for a text that `text` leaves as it is."""
    return [one.short for one in finds(value)]


@dataclass(frozen=True, slots=True)
class Find:
    """Something key-like: the value in full, without a scheme before it; and what may be shown of it.

    `shaped`: it looks like a key itself. Else the name or the word before it told.
    """

    value: str
    short: str
    shaped: bool


def finds(value: str) -> list[Find]:
    """List what `findings` shortens in full, for callers that check the values themselves: never to be kept."""
    return list(_found(value, _LAYERS))


def _found(value: str, layers: int) -> Iterator[Find]:
    for found in _KEY_SHAPES.finditer(value):
        word = _SCHEME.match(found[0])
        yield Find(found[0][word.end() if word else 0 :], shorten(found[0]), shaped=word is None)
    for pattern in (_IN_QUERY, _IN_JSON):
        for found in pattern.finditer(value):
            if _MASK not in found[0]:
                secret = found[0][len(found[1]) :]
                yield Find(_split(secret)[1], shorten(secret), shaped=False)
    if layers and "%" in value:
        for found in _ENCODED.finditer(value):
            yield from _found(unquote(found[0]), layers - 1)
