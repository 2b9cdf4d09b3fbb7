"""Fetches a picture from an allowed host: resolved once, pinned to a public address, bounded in size and time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fauxscale.errors import download_failed, file_too_large
from fauxscale.hosts import is_public
from fauxscale.state.outgoing import exchange

if TYPE_CHECKING:
    import httpx

SECONDS = 20.0
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a name to its addresses. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in found]


async def fetch(
    url: str,
    cap: int,
    allowed: Collection[str],
    *,
    param: str,
    resolve: Resolve = resolve,
    is_public: Callable[[str], bool] = is_public,
    seconds: float = SECONDS,
) -> bytes:
    """Fetch at most `cap` bytes from `url`, whose host is in `allowed`, within `seconds`.

    The name is resolved once and the connection made to that address, so that a second DNS answer cannot redirect
    it. Redirects are not followed, proxies not used. Raises ApiError: DOWNLOAD_FAILED, FILE_TOO_LARGE.
    """
    import httpx

    try:
        parts, asked = urlsplit(url), httpx.URL(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise download_failed(str(error), param) from None
    name = asked.raw_host.decode("ascii")
    # Refuse an address that two parsers may read differently; browsers take \ for /.
    alike = host in (name, asked.host) and (port or asked.port) == asked.port and "\\" not in url
    if asked.scheme not in ("http", "https") or host not in allowed or not alike:
        raise download_failed(f"{host or url[:60]!r} was not allowed with --allow-fetch", param)
    try:
        async with asyncio.timeout(seconds):
            addresses = await resolve(name, port or (443 if asked.scheme == "https" else 80))
            if not addresses or not all(map(is_public, addresses)):
                raise download_failed(f"{host} leads to an address that is not public", param)
            headers = {
                "host": asked.netloc.decode("ascii"),
                "accept-encoding": "identity",
                "user-agent": "fauxscale",
            }
            pinned = asked.copy_with(host=addresses[0])
            async with exchange("GET", pinned, headers, seconds=seconds, server_name=name) as reply:
                return await _body(reply, host, cap, param)
    except (httpx.HTTPError, OSError, UnicodeError) as error:  # a TimeoutError is an OSError
        raise download_failed(f"{host}: {type(error).__name__} {error}"[:300], param) from None


async def _body(reply: httpx.Response, host: str, cap: int, param: str) -> bytes:
    """Read the body of a success. Compressed bodies are not decompressed, since a little can become a lot."""
    if reply.status_code != 200:
        raise download_failed(f"{host} answered {reply.status_code}; redirects are not followed", param)
    if (coding := reply.headers.get("content-encoding", "identity")) != "identity":
        raise download_failed(
            f"{host} sent a body in the coding {coding[:40]!r}, which was not asked for", param
        )
    data = bytearray()
    async for piece in reply.aiter_raw():
        data += piece
        if len(data) > cap:
            reason = f"{host} sent over {cap:,} bytes"
            raise file_too_large(reason, param=param, limit=cap, received=len(data))
    return bytes(data)
