"""The ASGI application: checks the Host, then routes to our own pages or to the providers' pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import credentials, redact
from .clock import stopwatch, wall
from .control import Control, mistaken, unavailable
from .control.starting import read_accounts
from .dispatch.options import parse_options
from .dispatch.pipeline import Pipeline
from .dispatch.provider import Provider
from .dispatch.reply_headers import header_value
from .dispatch.request_body import Intake
from .dispatch.routing import Routes, address
from .hosts import cannot_be_rebound, named_host
from .observer import Observer
from .providers import PROVIDERS
from .settings import Settings
from .state.accounts import Accounts
from .state.journal import Entry, JournalObserver
from .state.store import MemoryStore, Store, StoreUnavailable
from .transport.bounded_log import log_mistake

if TYPE_CHECKING:
    from .recordings.replay import Replay

OWN = "/__fauxscale"


def create_app(
    settings: Settings | None = None,
    *,
    providers: Sequence[Provider] = PROVIDERS,
    store: Store | None = None,
    observer: Observer | None = None,
    journal: JournalObserver | None = None,
) -> App:
    """Make the stand-in as one ASGI application. `observer` gets every API call once it is answered, `journal` every
    entry, of downloads too, when it is stored: neither is masked.

    Raises RecordingError if `settings.replay` names no valid recording, and ValueError for unknown options and
    invalid accounts.
    """
    settings = settings or Settings()
    settings = replace(
        settings,
        options=parse_options(settings.options, providers),
        terms=replace(settings.terms, options=parse_options(settings.terms.options, providers)),
    )
    routes = Routes(providers)
    replay = _replay(settings.replay, routes) if settings.replay else None
    starting = read_accounts(settings.accounts, providers) if settings.accounts else ()
    accounts = Accounts(settings, store or MemoryStore(memory=settings.upload_memory), starting)
    return App(accounts, routes, observer, replay, journal)


def _replay(folder: str, routes: Routes) -> Replay:
    from .recordings.har import Recording
    from .recordings.index import RecordedReplies
    from .recordings.replay import Replay

    return Replay(RecordedReplies(Recording(folder).entries(), routes))


class App:
    """The ASGI application: a check of the Host, then our own pages, then the providers."""

    def __init__(
        self,
        accounts: Accounts,
        routes: Routes,
        observer: Observer | None = None,
        replay: Replay | None = None,
        journal: JournalObserver | None = None,
    ) -> None:
        self.accounts = accounts
        self.routes = routes
        self.replay = replay
        self._control = Control(accounts, routes.providers)
        self._journal = journal
        self._pipeline = Pipeline(
            accounts, routes, observer, replay.answer if replay else None, journal=self._note
        )
        self._observed = observer is not None
        self._allowed = frozenset(host.lower() for host in accounts.settings.allow_hosts)
        self._pages: ASGIApp | None = None
        if accounts.settings.cors:
            self._pages = CORSMiddleware(
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
            try:
                await self._guarded(scope, receive, send)
            except asyncio.CancelledError:
                return  # nobody waits for what is cancelled when the server stops

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a mistake of ours outside the pipeline is logged without secrets, and answered in JSON."""
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._serve(scope, receive, note)
        except ClientDisconnect:
            return  # the client has left
        except StoreUnavailable as lost:
            if not begun:
                await unavailable(lost)(scope, receive, send)
        except Exception as mistake:
            request = Request(scope)
            mask = redact.Mask(credentials.secrets(request.headers.items(), address(request)))
            where = f"{request.method} {mask.text(str(scope['path']))}"
            log_mistake(self._pipeline.log, mistake, where, mask)
            if not begun:
                await mistaken()(scope, receive, send)

    async def control(self, base: str, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Answer a call of the control API from this process. `base` is the beginning of the links in its answer."""
        path, _, query = target.partition("?")
        scheme, _, host = base.partition("://")
        scope = {
            "type": "http",
            "method": method,
            "scheme": scheme,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(b"host", host.encode())],
        }
        try:
            reply = await self._control.answer(Request(scope, _sender(body)))
        except StoreUnavailable as lost:
            reply = unavailable(lost)
        except Exception as mistake:
            mask = redact.Mask()
            log_mistake(self._pipeline.log, mistake, f"{method} {mask.text(path)}", mask)
            reply = mistaken()
        return reply.status_code, bytes(reply.body)

    async def begin(self) -> None:
        """Do the work before the first call: open the accounts of the settings."""
        try:
            await self.accounts.open_starting()
        except StoreUnavailable as lost:
            self._pipeline.log.error(f"the accounts of the settings were not opened: {lost.reason}")

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await self.begin()
            await send({"type": "lifespan.startup.complete"})
        await self.accounts.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = named_host(scope["headers"])
        if (refusal := self._gate(host)) is not None:
            await refusal(scope, receive, send)
        elif self._is_ours(str(scope["path"]), host):
            await self._control(scope, receive, send)
        elif self._pages is not None and not self._is_link(Request(scope)):
            await self._pages(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def _is_ours(self, path: str, host: str) -> bool:
        """Whether this is for our own pages: not for a call to a real host, which may have such a path itself."""
        return f"{path}/".startswith(f"{OWN}/") and host not in self.routes.hosts

    def _is_link(self, request: Request) -> bool:
        """Whether the request reads a link, or is its preflight: those allow pages of any origin, whatever `--cors`
        says."""
        match = self.routes.find(request)
        if request.headers.get("access-control-request-method", "GET") not in ("GET", "HEAD"):
            return False  # a path that reads files may also store one
        return match is not None and match.route is not None and match.route.endpoint.any_origin

    def _gate(self, host: str) -> Response | None:
        """Refuse Host names that are neither local, nor a provider's, nor allowed: a page anywhere could
        have its own name resolve to this machine (DNS rebinding)."""
        allowed = self._allowed
        if host and (
            cannot_be_rebound(host) or host in self.routes.hosts or host in allowed or "*" in allowed
        ):
            return None
        reason = f"the Host {host!r} is not allowed; start the server with --allow-host {host or 'NAME'}"
        return JSONResponse(
            {"error": "host not allowed", "reason": reason}, 403, {"x-fauxscale-reason": header_value(reason)}
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        receive = Intake(receive, keep=self._observed)
        request = Request(scope, receive)
        match = self.routes.find(request)
        if match is None:
            response: Response = await self._lost(request)
        else:
            response = await self._pipeline.run(request, match)
        await response(scope, receive, send)

    def _note(self, account: str, label: str, entry: Entry) -> None:
        self._control.metrics.note(entry)
        if self._journal is not None:
            self._journal(account, label, entry)

    async def _lost(self, request: Request) -> Response:
        """Answer 404 for a path no provider has, listing the base URLs; the inspector shows the call."""
        bases = {provider.name: provider.base for provider in self.routes.providers}
        unassigned = self.accounts.unassigned()
        number = await unassigned.number_call()
        now = stopwatch()
        entry = Entry(
            n=number, id=f"call_{number}", at=wall(), started=now, ended=now, operation="unmatched",
            method=request.method, path=address(request), status=404, rule="not_found",
            request_headers=request.headers.items(), raw=True,
        )  # fmt: skip
        said = entry.mask().text(str(request.scope["path"]))
        entry.reason = f"no provider answers at {said!r}: base URLs are {', '.join(bases.values())}"
        await unassigned.journal.write(entry)
        self._note(unassigned.id, "", entry)
        body = {"error": "unknown address", "reason": entry.reason, "base_urls": bases}
        return JSONResponse(body, 404, {"x-fauxscale-reason": header_value(entry.reason)})


def _sender(body: bytes) -> Receive:
    """Passes a body on like a connection that stays open."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        await asyncio.get_running_loop().create_future()  # cancelled with its waiter
        return {"type": "http.disconnect"}

    return receive
