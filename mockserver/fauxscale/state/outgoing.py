"""Sends an outgoing request: without redirects, proxies or log entries."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


@asynccontextmanager
async def exchange(
    method: str,
    url: httpx.URL,
    headers: Mapping[str, str],
    *,
    content: bytes | None = None,
    seconds: float,
    server_name: str = "",
    verify: bool = True,
) -> AsyncGenerator[httpx.Response]:
    """Send a request and yield the reply, whose body must be read inside the context. Redirects are not followed.

    A name and password in the address are sent as HTTP Basic authentication. `server_name` is the name expected in
    the certificate. Raises httpx.HTTPError.
    """
    import httpx

    extensions: dict[str, object] = {"timeout": httpx.Timeout(seconds).as_dict()}
    if server_name:
        extensions["sni_hostname"] = server_name
    request = httpx.Request(method, url, headers=headers, content=content, extensions=extensions)
    if url.userinfo:
        request = next(httpx.BasicAuth(url.username, url.password).auth_flow(request))
    # Loading certificates takes 0.1 s, whatever the scheme is.
    verify = verify and url.scheme == "https"
    # Not a client: it would write addresses, and the secrets in them, into the log.
    async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport:
        reply = await transport.handle_async_request(request)
        try:
            yield reply
        finally:
            await reply.aclose()
