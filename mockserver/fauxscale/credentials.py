"""Recognizes secrets: by the header, member or place they stand in, or by the shape of a key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import cast
from urllib.parse import unquote

from msgspec import Struct

from .key_shapes import keys_in

MASK = "…"
_REMEMBERED = 100  # characters of a name: a stranger may send names of megabytes, and five hundred of them
LAYERS = 3  # levels of nested encodings that are searched
TELLING = 12  # this much of a known secret, or all of a shorter one, is recognized in any text

_SECRET_HEADERS = frozenset({"cookie", "set-cookie", "x-fal-webhook-signature"})
# Endings of the names of other secret headers: X-Api-Key, X-Amz-Security-Token, AuthToken, Proxy-Authorization.
_SECRET_HEADER = re.compile(
    r"(?:.*-)?(?:key|pat|pwd)"
    r"|.*(?:api-?key|token|secret|passw(?:or)?d|passphrase|auth|authorization|credentials?|signature|jwt|session(?:-?id)?)"
)
_NO_SECRETS = frozenset({"idempotency-key", "access-control-allow-credentials"})
# Members of a query, a form or a JSON body whose value is a secret, in any provider's spelling, except page tokens.
_WORD_BEFORE = (
    r"(?:[\w.-]{0,60}(?:[-_.]|(?<=[a-z0-9])(?=[A-Z])))?(?<!(?i:page)[-_.])(?<!(?i:next)[-_.])(?<!(?i:page))"
)
_KEY_OF = (
    r"(?:api|access|private|secret|subscription|account|auth|session|sign(?:ing)?|encrypt(?:ion)?|service|client"
    r"|master|fal)"
)
_SECRET_MEMBERS = (
    rf"{_WORD_BEFORE}(?i:{_KEY_OF}[-_]?key(?:[-_]?id)?"
    r"|(?:access|auth|bearer|id|refresh|session)?token|(?:client|app)?secret(?:[-_]?access[-_]?key)?|passw(?:or)?d|passphrase"
    r"|pwd|sig|signature|credentials?|auth|authorization|jwt|session(?:[-_]?id)?)"
)
_MEMBER = re.compile(_SECRET_MEMBERS)
_IN_QUERY = re.compile(
    rf"((?:^|[?&;])(?:{_SECRET_MEMBERS}|(?i:key))=)(?!…(?:[?&;#\s\"'<>\\]|$))[^&;#\s\"'<>\\]+"
)
_IN_JSON = re.compile(rf'("{_SECRET_MEMBERS}"\s*:\s*")(?:[^"\\]|\\.)+')
# The name and password before the host of an address.
_IN_ADDRESS = re.compile(r"(://)[^/?#@\s\"'<>\\]+(?=@)")
# By what a text must contain for a match; the first group is not part of the secret.
BY_PLACE = (("@", _IN_ADDRESS), ("=", _IN_QUERY), (":", _IN_JSON))
# The shapes of the imitated services' keys, anywhere.
SHAPES = re.compile(
    r"sk-(?:aig-|proj-|ant-)?[A-Za-z0-9_-]{8,}"
    r"|lmnfl_[A-Za-z0-9]+\.[A-Za-z0-9_-]+"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[0-9a-f]{16,}"
    r"|\b(?:Bearer|Key)\s+[A-Za-z0-9._:~+/=-]{8,}"
)
_SCHEME = re.compile(r"(?:Bearer|Key)\s+")
_SCHEMES = frozenset({"apikey", "basic", "bearer", "digest", "hmac", "key", "negotiate", "ntlm", "token"})
_WORD = re.compile(r"[^\s;,\"]+")
# A piece of text with percent-encoding, such as an address in another address' query.
_APART = r"\s\"'<>\\?&=;#"
ENCODED = re.compile(rf"(?<![^{_APART}])[^{_APART}]*?%[0-9A-Fa-f]{{2}}[^{_APART}]*+")


def shorten(secret: str) -> str:
    """Shorten a secret to its first four characters, never more than a third of it, so that two can be told apart."""
    if secret.endswith(MASK):
        return secret
    return secret[: min(4, len(secret) // 3)] + MASK


def is_secret(name: str) -> bool:
    """Whether the value of a header of this name is a secret."""
    return (_is_secret if len(name) <= _REMEMBERED else _is_secret.__wrapped__)(name.lower())


@lru_cache(512)
def _is_secret(name: str) -> bool:
    if name in _SECRET_HEADERS or name.startswith("x-byok-"):
        return True
    return _SECRET_HEADER.fullmatch(name) is not None and name not in _NO_SECRETS


def names_secret(name: str) -> bool:
    """Whether the value of a member or form field of this name is a secret."""
    return (_names_secret if len(name) <= _REMEMBERED else _names_secret.__wrapped__)(name)


@lru_cache(512)
def _names_secret(name: str) -> bool:
    return _MEMBER.fullmatch(name) is not None


def secrets(pairs: Iterable[tuple[str, str]], address: str = "") -> list[str]:
    """List the secrets in header pairs and in an address, in full: to search for them elsewhere, never to be stored."""
    found = [secret for name, value in pairs if is_secret(name) for secret in _in_header(name, value)]
    found += [spelling for one in finds(address) for spelling in (one.value, unquote(one.value))]
    return list(dict.fromkeys(found))


def split_scheme(value: str) -> tuple[str, str]:
    """Split the scheme (`Bearer `, or nothing) from a secret: a cookie has spaces and no scheme."""
    scheme, _, rest = value.partition(" ")
    return (f"{scheme} ", rest.strip()) if rest and scheme.lower() in _SCHEMES else ("", value)


def _in_header(name: str, value: str) -> list[str]:
    """List the secret parts of a header's value: all of it, its words, what Basic hides in base64."""
    _, secret = split_scheme(value)
    several = " " in secret or name.lower() in ("cookie", "set-cookie")
    words = [one.partition("=")[2] or one for one in _WORD.findall(secret)] if several else []
    with suppress(ValueError):
        words += base64.b64decode(secret, validate=True).decode().split(":", 1)
    return [secret, *(one for one in words if len(one) >= TELLING)]


def named_in(text: str) -> list[str]:
    """List the texts under names that mark secrets, if `text` is JSON."""
    if text.lstrip()[:1] not in ("{", "["):
        return []
    try:
        return list(_under_names(json.loads(text), named=False))
    except (ValueError, RecursionError):
        return []


def _under_names(value: object, *, named: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in cast("Mapping[str, object]", value).items():
            yield from _under_names(one, named=named or names_secret(name))
    elif isinstance(value, list):
        for one in cast("Sequence[object]", value):
            yield from _under_names(one, named=named)
    elif named and isinstance(value, str):
        yield value


class Find(Struct, frozen=True):
    """Something key-like: the value in full, without a scheme before it; and what may be shown of it.

    `shaped`: it looks like a key itself. Otherwise the name or the word before it marks it.
    """

    value: str
    short: str
    shaped: bool


def finds(value: str) -> list[Find]:
    """List the key-like things in a text, in order, for callers that check the values: never to be stored. Empty for a
    text that a `redact.Mask` leaves unchanged."""
    return list(_found(value, LAYERS))


def _found(value: str, layers: int) -> Iterator[Find]:
    for found in SHAPES.finditer(value):
        word = _SCHEME.match(found[0])
        yield Find(found[0][word.end() if word else 0 :], shorten(found[0]), shaped=word is None)
    for key in keys_in(value):
        yield Find(key, shorten(key), shaped=True)
    for _, pattern in BY_PLACE:
        for found in pattern.finditer(value):
            if MASK not in found[0]:
                secret = found[0][len(found[1]) :]
                yield Find(split_scheme(secret)[1], shorten(secret), shaped=False)
    if layers and "%" in value:
        for found in ENCODED.finditer(value):
            yield from _found(unquote(found[0]), layers - 1)
