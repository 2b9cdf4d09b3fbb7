"""The control API under /__fauxscale/api/: everything the Python handle can do is a call here."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .accounts import Accounts
from .provider import Provider
from .settings import Terms

API = "/__fauxscale/api"


class Control:
    """The control API as an ASGI application, with its guard in front."""

    def __init__(self, accounts: Accounts, providers: Sequence[Provider]) -> None:
        self._accounts = accounts
        self._providers = {provider.name: provider for provider in providers}
        self._app = Starlette(
            routes=[
                Route(f"{API}/health", self.health, methods=["GET"]),
                Route(f"{API}/accounts", self.make_account, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._guard(Request(scope, receive))
        await (refusal or self._app)(scope, receive, send)

    def _guard(self, request: Request) -> Response | None:
        """No foreign page may call this API, and off loopback nobody without the token."""
        origin = request.headers.get("origin")
        own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
        if (origin is not None and origin != own) or request.headers.get("sec-fetch-site") == "cross-site":
            return _refusal(403, f"the control API answers no other origin: this call came from {origin}")
        token = self._accounts.settings.token
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and not hmac.compare_digest(given.encode(), token.encode()):
            return _refusal(401, "send the control token as 'Authorization: Bearer …'; it was printed at start")
        return None

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def make_account(self, request: Request) -> Response:
        number = await self._accounts.made() + 1
        keys = {
            name: provider.mint_key(self._accounts.mint(number, name)) for name, provider in self._providers.items()
        }
        account = await self._accounts.make(Terms(), keys)
        return JSONResponse({"id": account.id, "keys": keys}, 201)


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
