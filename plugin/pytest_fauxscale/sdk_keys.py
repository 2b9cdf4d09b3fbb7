"""Makes SDKs with a client in their module read their key again for each test."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

# What fal-client's module functions cache at the first call (1.0.3): the key, and the client that sends it.
_KEPT_BY_FAL = ("_auth", "_client", "_token_manager")


@contextmanager
def read_anew() -> Generator[None]:
    """Make them read it again on entering and on leaving."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    fal = sys.modules.get("fal_client")
    for name in ("sync_client", "async_client"):
        kept: dict[str, object] = getattr(getattr(fal, name, None), "__dict__", {})
        for one in _KEPT_BY_FAL:
            client = kept.pop(one, None)
            if one == "_client" and name == "sync_client" and client is not None:
                with suppress(Exception):  # as far as possible
                    client.close()  # type: ignore[attr-defined]
