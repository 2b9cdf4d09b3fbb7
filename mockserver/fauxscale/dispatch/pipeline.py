"""The pipeline every call goes through, the same over a socket and without one."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fauxscale import clock as time
from fauxscale import redact
from fauxscale.bodies.reader import Caps
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Interrupted, Redirected
from fauxscale.observer import Observation, Observer
from fauxscale.settings import Terms
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry
from fauxscale.state.passage import Arrival, Snapshot, enter, leave, read_snapshot
from fauxscale.state.rate_limits import MINUTE, Quota
from fauxscale.transport.bounded_log import BoundedLog

from .call_faults import CallFaults
from .endpoints import endpoint_for
from .inline import beginning
from .provider import Call, Endpoint
from .request_body import Intake
from .responses import Cut
from .retry_after import note_wait, word_wait
from .routing import Match, Routes

# So much of a reply, and of a reason, which may name what a stranger has sent, is written down.
_MOST_TEXT = 4096
_OURS = ApiError(
    Problem.SERVER_ERROR,
    "Internal server error",
    reason="this is a mistake in fauxscale, not in your client; its log has the traceback: please report it",
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Runs calls, in the documented order. `recorded` answers from a recording, where there is one; `log` is told of
    mistakes of ours."""

    accounts: Accounts
    routes: Routes
    observer: Observer | None = None
    recorded: Callable[[Call, Match], Awaitable[Response | None]] | None = None
    log: BoundedLog = field(default_factory=lambda: BoundedLog(logging.getLogger("fauxscale")))

    async def run(self, request: Request, match: Match) -> Response:
        """Answer one request: enter, answer, leave. Raises ClientDisconnect where nobody is left to answer."""
        call = self._call(request, match)
        try:
            response = await self._answered(call, match)
        except (ClientDisconnect, asyncio.CancelledError):
            call.entry.reason, call.entry.arrived = "the client went away before it was answered", False
            await self._close(call, None)
            raise
        return await self._leave(call, response)

    async def _answered(self, call: Call, match: Match) -> Response:
        """Return the handler's reply, or a refusal in the provider's envelope."""
        try:
            await self._enter(call)
            return await self._handled(call, match)
        except ApiError as error:
            await self._identify(call)
            return self._refuse(call, error)
        except Interrupted as cut:
            return Cut(cut.ending)
        except Redirected as away:
            return Response(status_code=302, headers={"location": away.to or address(call.request)})
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception as mistake:
            # A mistake of ours: told as such, journalled like any call, and logged with its traceback.
            log_mistake(self.log, mistake, call.endpoint.operation, call.entry.mask())
            await self._identify(call)
            return self._refuse(call, _OURS)

    async def _enter(self, call: Call) -> None:
        """Find the call's account, number and time the call, assign its faults, count it against its limits."""
        call.account = await self._account(call, recalled=True)
        try:
            entered = await enter(call.account, call.arrival, self._known(call.account))
        except ApiError:
            # What this worker remembered is out of date.
            self.accounts.recall.clear()
            call.account = await self._account(call, recalled=False)
            entered = await enter(call.account, call.arrival)
        head = entered.snapshot.head
        call.snapshot, call.link, call.rate_limit = entered.snapshot, entered.link, entered.status
        call.clock, call.terms = head.clock, call.account.terms_of(head)
        call.faults.enter(call.account, entered.faults, has_rules=bool(head.rules))
        self._number(call, entered.number)
        self._remember(call, entered.snapshot)
        if entered.refusal is not None:
            raise entered.refusal

    def _known(self, account: Account) -> Snapshot | None:
        snapshot = self.accounts.recall.snapshots.get(account.id)
        return snapshot if snapshot and snapshot.head.generation == account.scope.generation else None

    def _remember(self, call: Call, snapshot: Snapshot | None) -> None:
        if snapshot is not None and call.account.scope.guarded:
            call.snapshot = snapshot
            self.accounts.recall.snapshots.put(call.account.id, snapshot)
            self.accounts.recall.accounts.put(call.account.id, call.account)

    async def _handled(self, call: Call, match: Match) -> Response:
        """Apply the latency and the faults of a call, then return the reply of a recording or of the handler."""
        # What waits holds its place in flight, as a slow answer of the real services would.
        await time.wait(call.terms.latency or 0 if call.endpoint.kind == "api" else 0)
        await call.faults.apply("call")
        if call.terms.latency or call.faults.applied:
            await call.check_open()  # it may have been closed meanwhile
        told = await self.recorded(call, match) if self.recorded else None
        return told or await call.endpoint.handler(call)

    async def _leave(self, call: Call, response: Response) -> Response:
        """Add the provider's headers, let faults change the reply, and close the call's journal entry."""
        response = call.inlined.resolve(response)
        for name, value in call.provider.headers(call).items():
            response.headers.setdefault(name, header_value(value))
        response.headers.setdefault("date", time.http_date(call.now))
        if call.endpoint.any_origin:
            # The real links can be drawn on a canvas from any site; so can these, and a refusal can be read.
            response.headers["access-control-allow-origin"] = "*"
            response.headers["access-control-expose-headers"] = "*"
        await note_wait(call, response)
        response = await call.faults.alter(response)
        await self._close(call, response)
        if self.observer is not None and call.endpoint.kind == "api":
            self.observer(_observed(call, response))
        return response

    def _call(self, request: Request, match: Match) -> Call:
        endpoint = endpoint_for(match, request.method)
        unassigned, entry = self.accounts.unassigned(), _opened(request, match, endpoint)
        reads = (
            (match.params or {}).get("id", "") if endpoint.kind == "download" and not endpoint.owner else ""
        )
        return Call(
            request=request,
            provider=match.provider,
            site=match.site,
            endpoint=endpoint,
            params=match.params or {},
            reached=match.reached,
            path=match.raw,
            accounts=self.accounts,
            account=unassigned,
            terms=self.accounts.settings.terms,
            clock=time.Clock(),
            entry=entry,
            caps=Caps(),
            faults=CallFaults(request, entry, unassigned),
            arrival=Arrival(
                holder=self.accounts.new_holder(),
                operation=endpoint.operation,
                kind=endpoint.kind,
                method=request.method,
                provider=match.provider.name,
                quotas=partial(_quotas, match.provider.quotas) if endpoint.limited else lambda terms: (),
                link=reads,
            ),
        )

    async def _account(self, call: Call, *, recalled: bool) -> Account:
        """Find the account of a call by its key, or by its link. `recalled`: as this worker remembers it."""
        if call.endpoint.owner is not None:
            return await call.endpoint.owner(call) or self.accounts.unassigned()
        if call.endpoint.needs_key:
            key = call.provider.find_key(call.request)
            call.entry.key, call.entry.secret = (redact.nickname(key), key) if key else ("", "")
            known = self.accounts.recalled(key, call.provider.name) if recalled else None
            return known or await self.accounts.of_key(key, call.provider.name)
        if call.arrival.link:
            return await self.accounts.giver(call.arrival.link) or self.accounts.unassigned()
        return self.accounts.unassigned()

    async def _identify(self, call: Call) -> None:
        """Number and time a call that was refused before it could enter, so that its refusal can be worded."""
        if not call.entry.id:
            call.account = self.accounts.unassigned()
            call.faults.enter(call.account, (), has_rules=False)
            call.clock = await call.account.clock()
            self._number(call, await call.account.number_call())

    def _number(self, call: Call, number: int) -> None:
        call.entry.at, call.entry.n, call.entry.id = call.now, number, f"call_{number}"

    def _refuse(self, call: Call, error: ApiError) -> Response:
        call.entry.rule, call.entry.reason = error.problem.value, error.reason[:_MOST_TEXT]
        response = call.provider.word_error(call, error)
        word_wait(call, error, response)
        response.headers["x-fauxscale-reason"] = header_value(call.entry.mask().text(call.entry.reason))
        return response

    async def _close(self, call: Call, response: Response | None) -> None:
        entry = call.entry
        call.faults.settle()
        await self._identify(call)
        entry.ended = time.stopwatch()
        if response is not None:
            entry.status = response.status_code if getattr(response, "arrives", True) else None
            entry.reply_headers = response.headers.items()
            if response.headers.get("content-type", "").partition(";")[0] in (
                "application/json",
                "text/plain",
            ):
                entry.reply = beginning(response, _MOST_TEXT).decode(errors="replace")
        snapshot = call.snapshot or await read_snapshot(call.account)
        self._remember(call, await leave(call.account, call.arrival, entry, snapshot, call.faults.unused))


def _opened(request: Request, match: Match, endpoint: Endpoint) -> Entry:
    """Begin the journal entry of a call."""
    return Entry(
        kind=endpoint.kind,
        started=time.stopwatch(),
        provider=match.provider.name,
        operation=endpoint.operation,
        method=request.method,
        path=address(request, match.raw),
        request_headers=request.headers.items(),
        raw=True,
    )


def _quotas(usual: Sequence[Quota], terms: Terms) -> Sequence[Quota]:
    """What limits a call: the provider's quotas, with what its account's terms say of calls a minute and at once.

    Terms change how many; how they are counted stays the provider's. Calls a minute that terms set are the only limit
    in time on calls of any kind: a provider's further windows go with its own figure.
    """
    if terms.rate_limit is not None:
        usual = _limited(
            usual, lambda one: one.window is not None, Quota(most=terms.rate_limit, window=MINUTE)
        )
    if terms.in_flight is not None:
        usual = _limited(usual, lambda one: one.window is None, Quota(most=terms.in_flight))
    return usual


def _limited(usual: Sequence[Quota], replaces: Callable[[Quota], bool], wanted: Quota) -> Sequence[Quota]:
    """Put a quota in place of those on all operations that it `replaces`, counted as the one of its window is."""
    replaced = [one for one in usual if one.on == wanted.on and replaces(one)]
    alike = next((one for one in replaced if one.window == wanted.window), wanted)
    return [replace(alike, most=wanted.most), *(one for one in usual if one not in replaced)]


def address(request: Request, path: str = "") -> str:
    """A request's path, or `path` instead, and its query."""
    query = request.scope["query_string"].decode("latin-1")
    return (path or str(request.scope["path"])) + (f"?{query}" if query else "")


def _observed(call: Call, response: Response) -> Observation:
    request = call.request
    intake = request.receive
    api_versions = [option for option in call.provider.options if option.name == "api_version"]
    return Observation(
        account=call.account.id,
        provider=call.provider.name,
        api_version=str(call.setting("api_version")) if api_versions else "",
        operation=call.endpoint.operation,
        faults=tuple(call.entry.faults),
        method=request.method,
        url=str(request.url),
        headers=tuple(request.headers.items()),
        body=intake.body if isinstance(intake, Intake) else b"",
        whole=not isinstance(intake, Intake) or intake.complete,
        status=call.entry.status,
        reply_headers=tuple(response.headers.items()),
        reply=bytes(getattr(response, "body", b"")),
    )


def log_mistake(log: BoundedLog, mistake: Exception, where: str, mask: redact.Mask) -> None:
    """Log a mistake of ours with its traceback, which may quote what was sent; the same one once a minute."""
    told = "".join(traceback.format_exception(mistake))
    log.error("%s failed\n%s", where, mask.text(told), cause=mistake)


def header_value(text: str) -> str:
    """Make text a header value: one printable line of Latin-1, 1,000 characters at most."""
    plain = "".join(one if one.isprintable() else " " for one in text[:1000])
    return " ".join(plain.split()).encode("latin-1", "replace").decode("latin-1")
