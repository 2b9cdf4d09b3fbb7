"""The control API as an ASGI application: access check, route table, error replies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fauxscale.dispatch.provider import Provider
from fauxscale.dispatch.reply_headers import header_value
from fauxscale.errors import ApiError
from fauxscale.state.account import Account
from fauxscale.state.accounts import UNASSIGNED, Accounts
from fauxscale.state.store import StoreUnavailable

from . import accounts, calls, clock, faults, jobs, ledger, links, server
from .access import refuse
from .inspector import Inspector
from .metrics import Metrics
from .request import Ask, Busy, ControlRoute, Missing, Waiters

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
        self.metrics = Metrics(accounts.renderer, accounts.store)
        self._providers = {provider.name: provider for provider in providers}
        self._app = Starlette(
            routes=[
                *(Route(API + route.path, self._answer(route), methods=[route.method]) for route in ROUTES),
                *Inspector(accounts, self._providers).routes(),
            ],
            exception_handlers={404: _lost, 405: _lost, StoreUnavailable: _put_off, Exception: _broken},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guarded = str(scope["path"]).startswith(f"{API}/")
        refused = refuse(Request(scope), self._accounts.settings.token) if guarded else None
        if refused is not None:
            status, message = refused
            await _refusal(status, message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _answer(self, route: ControlRoute) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            ask = Ask(request, self._accounts, self._providers, self._waiters, self.metrics)
            try:
                if "id" in request.path_params:
                    ask.of = await self._find(request.path_params["id"])
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

        return answer

    async def _find(self, account_id: str) -> Account:
        if account_id == UNASSIGNED:
            return self._accounts.unassigned()
        account = await self._accounts.get(account_id)
        if account is None:
            raise Missing(f"no account {account_id!r}: it was deleted, reset away, or never opened")
        return account


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def unavailable(lost: StoreUnavailable) -> Response:
    """Say that the store cannot serve now what is asked for, and why."""
    headers = {"retry-after": "1", "x-fauxscale-reason": header_value(lost.reason)}
    return JSONResponse({"error": "the store is not available", "reason": lost.reason}, 503, headers)


async def _put_off(request: Request, lost: Exception) -> Response:
    assert isinstance(lost, StoreUnavailable)
    return unavailable(lost)


async def _broken(request: Request, error: Exception) -> Response:
    """Tell of a mistake of ours. The server logs its traceback."""
    return _refusal(500, "this is a mistake in fauxscale; its log has the traceback: please report it")


async def _lost(request: Request, error: Exception) -> Response:
    path = str(request.scope["path"]).removeprefix(API)
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = dict(error.headers or {})
        message = f"{path} answers {allowed.get('Allow')}, not {request.method}"
        return _refusal(405, message, allowed)
    return _refusal(404, f"the control API has no {path[:100]!r}; it is described at {API}/openapi.json")
