"""Control API routes for links: list, expire, renew, purge."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from msgspec.structs import replace

from fauxscale.clock import LATEST
from fauxscale.state.link import Link

from .request import Ask, ControlRoute, JsonObject, Missing


async def find(ask: Ask) -> object:
    """List every link that was given out, oldest first."""
    now = await ask.now()
    return {"links": [_about(ask, one, now) for one in await _given(ask)]}


async def expire(ask: Ask) -> object:
    """Expire `link` (an address or an id) now, or every link if none is named."""
    return await _change(ask, lambda one: replace(one, revoked=True))


async def renew(ask: Ask) -> object:
    """Sign `link`, or every link, again for `seconds` (3600) from now. The reply has the new addresses."""
    exp = int(await ask.now() + ask.number("seconds", 3600))
    if exp > LATEST:
        raise ValueError(f"seconds must lead to a date before the year 9999, got {ask.number('seconds'):g}")
    return await _change(ask, lambda one: replace(one, revoked=False, exp=exp))


async def purge(ask: Ask) -> object:
    """Purge the picture behind `link`, or behind every link: downloads return 404."""
    return await _change(ask, lambda one: None)


async def _change(ask: Ask, change: Callable[[Link], Link | None]) -> object:
    ask.know("link", "seconds")
    changed: list[Link] = []
    for one in _named(await _given(ask), ask.text("link")):
        other = change(one)
        if other is None:
            await ask.account.links.purge(one)
        else:
            await ask.account.links.change(other)
        changed.append(other or replace(one, revoked=True))
    now = await ask.now()
    return {"links": [_about(ask, one, now) for one in changed]}


async def _given(ask: Ask) -> list[Link]:
    return [one for one in await ask.account.links.all() if one.given]


def _named(links: list[Link], link: str) -> list[Link]:
    if not link:
        return links
    path = urlsplit(link).path
    found = [one for one in links if one.id == link or path.endswith(one.path)]
    if not found:
        raise Missing(f"no link {link!r}; there are {', '.join(one.id for one in links) or 'none'}")
    return found


def _about(ask: Ask, link: Link, now: float) -> JsonObject:
    provider, request = ask.providers[link.provider], ask.request
    origin = f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
    query = (
        f"?{ask.accounts.signer.query(link.path, link.exp, link.account)}"
        if link.signed and link.exp is not None
        else ""
    )
    return {
        "id": link.id,
        "operation": link.operation,
        "charge": link.charge,
        "width": link.width,
        "height": link.height,
        "exp": link.exp,
        "alive": link.lives(now),
        "url": f"{origin}{provider.media.prefix}{link.path}{query}",
    }


ROUTES = (
    ControlRoute("GET", "/accounts/{id}/links", find),
    ControlRoute("POST", "/accounts/{id}/links/expire", expire),
    ControlRoute("POST", "/accounts/{id}/links/renew", renew),
    ControlRoute("POST", "/accounts/{id}/links/purge", purge),
)
