"""The story of a request: one pipeline, readable on one screen, the same over a socket and without one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import clock as time
from . import redact
from .accounts import NOBODY, Account, Accounts
from .control import Control
from .errors import ApiError, Problem
from .journal import Entry
from .limits import Quota
from .provider import Call, Endpoint, Provider
from .providers import PROVIDERS
from .routing import Match, Routes, host_name, is_local
from .settings import Settings
from .store import MemoryStore, Store
from .uploads import Caps

OWN = "/__fauxscale"


def create_app(
    settings: Settings | None = None,
    *,
    providers: Sequence[Provider] = PROVIDERS,
    store: Store | None = None,
) -> App:
    """The whole stand-in as one ASGI application."""
    settings = settings or Settings()
    return App(Accounts(settings, store or MemoryStore(memory=settings.upload_memory)), Routes(providers))


class App:
    """The ASGI application: a gate on the Host, then our own pages, then the providers."""

    def __init__(self, accounts: Accounts, routes: Routes) -> None:
        self.accounts = accounts
        self.routes = routes
        self._control = Control(accounts, routes.providers)
        self._pipeline = Pipeline(accounts, routes)
        self._providers: ASGIApp = self._answer
        if accounts.settings.cors:
            self._providers = CORSMiddleware(
                self._answer,
                allow_origins=accounts.settings.cors,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["*"],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.accounts.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if (refusal := self._gate(request)) is not None:
            await refusal(scope, receive, send)
        elif scope["path"] == OWN or scope["path"].startswith(f"{OWN}/"):
            await self._control(scope, receive, send)
        else:
            await self._providers(scope, receive, send)

    def _gate(self, request: Request) -> Response | None:
        """Refuse Host names that are neither local, nor a provider's, nor allowed: a page anywhere could
        have its own name resolve to this machine (DNS rebinding)."""
        host = host_name(request.headers.get("host", ""))
        allowed = self.accounts.settings.allow_hosts
        if host and (is_local(host) or host in self.routes.hosts or host in allowed or "*" in allowed):
            return None
        reason = (
            f"the Host {host!r} is not one this server answers to; start with --allow-host {host or 'NAME'}"
        )
        return JSONResponse(
            {"error": "host not allowed", "reason": reason}, 403, {"x-fauxscale-reason": _header(reason)}
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        match = self.routes.find(request)
        if match is None:
            response: Response = self._lost(request)
        else:
            response = await self._pipeline.run(request, match)
        await response(scope, receive, send)

    def _lost(self, request: Request) -> Response:
        bases = {provider.name: provider.base for provider in self.routes.providers}
        reason = (
            f"no provider answers at {request.scope['path']!r}: base URLs are {', '.join(bases.values())}"
        )
        body = {"error": "no such address on this stand-in", "reason": reason, "base_urls": bases}
        return JSONResponse(body, 404, {"x-fauxscale-reason": _header(reason)})


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What happens to a call, in the documented order."""

    accounts: Accounts
    routes: Routes

    async def run(self, request: Request, match: Match) -> Response:
        endpoint = match.route.endpoint if match.route else _missing(match)
        call = Call(
            request=request,
            provider=match.provider,
            site=match.site,
            endpoint=endpoint,
            params=match.params or {},
            reached=match.reached,
            path=match.raw,
            accounts=self.accounts,
            account=self.accounts.nobody(),
            terms=self.accounts.settings.terms,
            clock=time.Clock(),
            entry=self._open(request, match, endpoint),
            caps=Caps(),
        )
        entered = False
        try:
            call.account = await self._account(call)
            await self._identify(call)
            terms = call.terms = await call.account.terms()
            call.orders += await call.account.faults.deal(endpoint.operation, endpoint.leg, call.account.roll)
            await call.wait(terms.latency or 0 if endpoint.leg == "api" else 0)
            await call.strike(("call",))
            if endpoint.limited:
                default = call.provider.quota
                quota = Quota(
                    default.per_minute if terms.rate_limit is None else terms.rate_limit,
                    default.in_flight if terms.in_flight is None else terms.in_flight,
                )
                since = await call.account.since()
                call.standing = await call.account.limits.enter(
                    call.provider.name, quota, now=call.now, since=since
                )
                entered = True
            response = await endpoint.handler(call)
        except ApiError as error:
            await self._identify(call)
            response = self._refuse(call, error)
        except (ClientDisconnect, asyncio.CancelledError):
            call.entry.reason = "the client went away before it was answered"
            await self._close(call, None)
            raise
        finally:
            if entered:
                await call.account.limits.leave(call.provider.name)
        for name, value in call.provider.headers(call).items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("date", time.http_date(call.now))
        await self._close(call, response)
        return response

    async def _account(self, call: Call) -> Account:
        """Whose call this is: the key's account; for a link, its owner's."""
        if call.endpoint.owner is not None:
            return await call.endpoint.owner(call) or self.accounts.nobody()
        if call.endpoint.needs_key:
            key = call.provider.find_key(call.request)
            call.entry.key = redact.shorten(key) if key else ""
            return await self.accounts.of_key(key, call.provider.name)
        if call.endpoint.leg == "download" and (
            found := await self.accounts.rendition(call.params.get("id", ""))
        ):
            return await self.accounts.get(found.account) or self.accounts.nobody()
        return self.accounts.nobody()

    def _open(self, request: Request, match: Match, endpoint: Endpoint) -> Entry:
        query = request.scope["query_string"].decode("latin-1")
        return Entry(
            leg=endpoint.leg,
            started=time.stopwatch(),
            provider=match.provider.name,
            operation=endpoint.operation,
            method=request.method,
            path=redact.text(f"{match.raw}?{query}" if query else match.raw),
            request_headers=redact.headers(request.headers.items()),
        )

    async def _identify(self, call: Call) -> None:
        """Give the call its number and its time; what was refused for its key has none before it is worded."""
        if call.entry.id:
            return
        call.clock = await call.account.clock()
        call.entry.at = call.now
        call.entry.n = await call.account.store.add(f"{call.account.prefix}draws:call", 1) or 0
        call.entry.id = f"call_{call.entry.n}"

    def _refuse(self, call: Call, error: ApiError) -> Response:
        call.entry.rule, call.entry.reason = error.problem.value, error.reason
        call.entry.retry_after = error.retry_after
        response = call.provider.word_error(call, error)
        response.headers["x-fauxscale-reason"] = _header(error.reason)
        return response

    async def _close(self, call: Call, response: Response | None) -> None:
        entry = call.entry
        for order in call.orders:
            if order not in call.delivered:
                await call.account.faults.give_back(order)
        await self._identify(call)
        entry.ended = time.stopwatch()
        if response is not None:
            entry.status = response.status_code
            entry.reply_headers = redact.headers(response.headers.items())
            if response.headers.get("content-type", "").partition(";")[0] in (
                "application/json",
                "text/plain",
            ):
                entry.reply = redact.text(bytes(response.body)[:4096].decode(errors="replace"))
        await call.account.journal.write(entry)


def _missing(match: Match) -> Endpoint:
    """Stands in for the endpoint of a path the provider does not know, or not with this method."""

    async def refuse(call: Call) -> Response:
        if match.allowed:
            raise ApiError(
                Problem.WRONG_METHOD,
                "Method not allowed",
                reason=f"{match.path} answers {', '.join(match.allowed)}, not {call.request.method}",
                details={"allow": ", ".join(match.allowed)},
            )
        raise ApiError(
            Problem.NOT_FOUND,
            "Not found",
            reason=f"{match.provider.name} has no {match.path}; it has "
            + ", ".join(
                f"{one.method} {one.path}" for site in match.provider.sites for one in site.endpoints
            ),
            details={"path": match.path},
        )

    operation = f"{match.provider.name}.unmatched"
    return Endpoint(
        operation=operation,
        method=match.path,
        path=match.path,
        handler=refuse,
        needs_key=False,
        limited=False,
    )


def _header(text: str) -> str:
    """Text as a header value: one printable line of Latin-1, 1,000 characters at most."""
    plain = "".join(one if one.isprintable() else " " for one in text[:1000])
    return " ".join(plain.split()).encode("latin-1", "replace").decode("latin-1")


__all__ = ["NOBODY", "App", "create_app"]
