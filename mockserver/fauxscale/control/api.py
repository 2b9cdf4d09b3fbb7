"""The control API as an ASGI application: access check, route table, error replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fauxscale.dispatch.provider import Provider
from fauxscale.dispatch.reply_headers import header_value
from fauxscale.errors import ApiError
from fauxscale.state.account import Account
from fauxscale.state.accounts import UNASSIGNED, Accounts
from fauxscale.state.store import StoreUnavailable

from . import accounts, calls, clock, faults, jobs, ledger, links, server
from .access import refuse
from .inspector import DATA, Inspector
from .metrics import Metrics
from .request import Ask, Busy, ControlRoute, Missing, Waiters
from .routes import ControlRoutes

API = "/__fauxscale/api"
ROUTES: tuple[ControlRoute, ...] = tuple(
    route
    for module in (server, accounts, calls, faults, clock, ledger, jobs, links)
    for route in module.ROUTES
)


class Control:
    """The control API of one server, and the inspector. Access is checked for the API, not for the page's files."""

    def __init__(self, accounts: Accounts, providers: Sequence[Provider]) -> None:
        self._accounts = accounts
        self._waiters = Waiters()
        self._routes = ControlRoutes(ROUTES)
        self.metrics = Metrics(accounts.renderer, accounts.store)
        self._providers = {provider.name: provider for provider in providers}
        self._pages = Starlette(
            routes=Inspector(accounts, self._providers).routes(),
            exception_handlers={404: _lost, 405: _lost, StoreUnavailable: _put_off, Exception: _broken},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, request = str(scope["path"]), Request(scope, receive)
        guarded = path.startswith(f"{API}/")
        refused = refuse(request, self._accounts.settings.token) if guarded else None
        reply: ASGIApp
        if refused is not None:
            reply = _refusal(*refused)
        elif guarded and not path.startswith(f"{DATA}/"):
            reply = await self.answer(request)
        else:
            reply = self._pages
        await reply(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Answer a call that may pass. Raises StoreUnavailable."""
        path = str(request.scope["path"]).removeprefix(API)
        if (found := self._routes.find(request.method, path)) is None:
            return _unknown(path, request.method, self._routes.methods(path))
        route, parts = found
        ask = Ask(request, self._accounts, self._providers, self._waiters, self.metrics, parts)
        try:
            if "id" in parts:
                ask.of = await self._find(parts["id"])
            await ask.read()
            reply = await route.handler(ask)
        except Missing as missing:
            return _refusal(404, str(missing))
        except Busy as busy:
            return _refusal(503, str(busy), {"retry-after": "1"})
        except ValueError as wrong:
            return _refusal(400, str(wrong))
        except ApiError as error:
            return _refusal(error.status or 409, error.reason or error.message)
        return reply if isinstance(reply, Response) else JSONResponse(reply, route.status)

    async def _find(self, account_id: str) -> Account:
        if account_id == UNASSIGNED:
            return self._accounts.unassigned()
        account = await self._accounts.get(account_id)
        if account is None:
            raise Missing(f"no account {account_id!r}: it was deleted or reset, or never existed")
        return account


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def unavailable(lost: StoreUnavailable) -> Response:
    """Say that the store cannot serve this now, and why."""
    headers = {"retry-after": "1", "x-fauxscale-reason": header_value(lost.reason)}
    return JSONResponse({"error": "the store is not available", "reason": lost.reason}, 503, headers)


def _unknown(path: str, method: str, allowed: Sequence[str]) -> Response:
    if allowed:
        listed = ", ".join(allowed)
        return _refusal(405, f"{path} supports {listed}, not {method}", {"allow": listed})
    return _refusal(404, f"the control API has no {path[:100]!r}; it is described at {API}/openapi.json")


async def _put_off(request: Request, lost: Exception) -> Response:
    assert isinstance(lost, StoreUnavailable)
    return unavailable(lost)


def mistaken() -> Response:
    """Report a mistake of ours. The server logs its traceback."""
    return _refusal(500, "this is a bug in fauxscale; please report it with the traceback from its log")


async def _broken(request: Request, error: Exception) -> Response:
    return mistaken()


async def _lost(request: Request, error: Exception) -> Response:
    allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
    return _unknown(str(request.scope["path"]), request.method, allowed.split(", ") if allowed else ())
