"""LinksHandle, `account.links`: lists links to results, and expires, renews or purges them."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from .faults import Caller


class LinkView(Struct, frozen=True):
    """A link: `exp` in Unix seconds of the account's clock, width and height in pixels."""

    id: str
    operation: str
    charge: str
    width: int
    height: int
    exp: int
    alive: bool
    url: str


Views: TypeAlias = list[LinkView]


class LinksHandle:
    """`account.links`: links to results. Without a link (an id or an address), a method applies to all."""

    def __init__(self, call: Caller, account: str) -> None:
        self._call = call
        self._path = f"{account}/links"

    def list(self) -> Views:
        """List every link to a result that was not purged, oldest first."""
        return _views(self._call("GET", self._path))

    def expire(self, link: str = "") -> Views:
        """Expire a link now."""
        return _views(self._call("POST", f"{self._path}/expire", {"link": link}))

    def renew(self, link: str = "", *, seconds: float = 3600) -> Views:
        """Sign a link again for `seconds` from now; its address changes."""
        return _views(self._call("POST", f"{self._path}/renew", {"link": link, "seconds": seconds}))

    def purge(self, link: str = "") -> Views:
        """Purge the picture behind a link: downloads return 404."""
        return _views(self._call("POST", f"{self._path}/purge", {"link": link}))


def _views(reply: dict[str, Any]) -> Views:
    return [LinkView(**members) for members in reply["links"]]
