"""The one list of what never reaches a disk or a screen: keys, tokens, signatures."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
_IN_QUERY = re.compile(rf"(?i)([?&;](?:{_SECRET_MEMBERS})=)[^&;#\s\"'<>\\]+")
_IN_JSON = re.compile(rf'(?i)("(?:{_SECRET_MEMBERS})"\s*:\s*")(?:[^"\\]|\\.)+')
# What keys of the imitated services look like, wherever they turn up.
_KEY_SHAPES = re.compile(
    r"sk-(?:aig-|proj-|ant-)?[A-Za-z0-9_-]{8,}"
    r"|lmnfl_[A-Za-z0-9]+\.[A-Za-z0-9_-]+"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{16,}"
    r"|\b(?:Bearer|Key)\s+[A-Za-z0-9._:~+/=-]{8,}"
)
_MASK = "…"


def shorten(secret: str) -> str:
    """A secret one can still tell from another: its first four characters, never more than a third of it."""
    if secret.endswith(_MASK):
        return secret
    return secret[: min(4, len(secret) // 3)] + _MASK


def headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Header pairs with the values of secret ones shortened."""
    return [(name, _header(name, value)) for name, value in pairs]


def secrets(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The secrets that header pairs hold, in full: to be looked for elsewhere, never to be kept."""
    return [_split(value)[1] for name, value in pairs if is_secret(name)]


def is_secret(name: str) -> bool:
    """Whether the value of a header of this name is a secret, whatever it looks like."""
    return name.lower() in SECRET_HEADERS or name.lower().startswith("x-byok-")


def _header(name: str, value: str) -> str:
    if not is_secret(name):
        return text(value)
    scheme, secret = _split(value)
    return scheme + shorten(secret)


def _split(value: str) -> tuple[str, str]:
    """The scheme before a secret (`Bearer `, or nothing) and the secret: a cookie has spaces and no scheme."""
    scheme, _, rest = value.partition(" ")
    return (f"{scheme} ", rest) if rest and scheme.isalpha() else ("", value)


def text(value: str) -> str:
    """Any text (URL, JSON, message) with whatever looks like a secret masked."""
    value = _IN_QUERY.sub(lambda found: found[1] + _MASK, value)
    value = _IN_JSON.sub(lambda found: found[1] + _MASK, value)
    return _KEY_SHAPES.sub(lambda found: shorten(found[0]), value)


def findings(value: str) -> list[str]:
    """The key-like things in a text, shortened, in order. Empty for a text that `text` leaves as it is."""
    seen: list[str] = [shorten(found[0]) for found in _KEY_SHAPES.finditer(value)]
    for pattern in (_IN_QUERY, _IN_JSON):
        seen += [
            shorten(found[0][len(found[1]) :]) for found in pattern.finditer(value) if _MASK not in found[0]
        ]
    return seen
