"""Headers of replies: those the server adds, and any text encoded as a header value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.responses import Response

# Text that can be a header's value unchanged: words of printable ASCII with single spaces between them.
_PLAIN = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")


def add_missing(response: Response, headers: Mapping[str, str]) -> None:
    """Add the headers that a response does not have."""
    raw = response.raw_headers
    named = {name for name, _ in raw}
    for name, value in headers.items():
        if (spelt := _spelt(name)) not in named:
            raw.append((spelt, header_value(value).encode("latin-1")))


@lru_cache(128)  # there are few names
def _spelt(name: str) -> bytes:
    return name.lower().encode("latin-1")


def header_value(text: str) -> str:
    """Make text a header value: one printable line of Latin-1, 1,000 characters at most."""
    if len(text) <= 1000 and _PLAIN.fullmatch(text):
        return text
    plain = "".join(one if one.isprintable() else " " for one in text[:1000])
    return " ".join(plain.split()).encode("latin-1", "replace").decode("latin-1")
