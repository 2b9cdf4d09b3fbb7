"""Server-sent events of a reply, as a page reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

# A stream says at least this often, in about fifteen seconds, that it is still there.
_PATIENCE = 3


def told(reply: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events as they come. Raises AssertionError where none comes for three quarters of a minute."""
    silent = 0
    for line in reply.iter_lines():
        if line.startswith("data: "):
            silent = 0
            yield json.loads(line[6:])
        elif line.startswith(":"):
            silent += 1
            assert silent < _PATIENCE, "nothing more is told"
