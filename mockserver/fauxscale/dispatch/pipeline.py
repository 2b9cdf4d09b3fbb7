"""The pipeline every call goes through, the same over a socket and without one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import Struct, field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fauxscale import clock as time
from fauxscale import redact
from fauxscale.bodies.reader import Caps
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Interrupted, Redirected
from fauxscale.observer import Observation, Observer
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry, JournalObserver
from fauxscale.state.passage import Arrival, Snapshot, enter, leave, read_snapshot
from fauxscale.state.store import StoreUnavailable
from fauxscale.transport.bounded_log import BoundedLog, log_mistake

from .call_faults import CallFaults
from .endpoints import endpoint_for
from .inline import beginning
from .provider import Call, Endpoint
from .quotas import quotas_under
from .reply_headers import add_missing, header_value
from .request_body import Intake
from .responses import Cut
from .retry_after import note_wait, word_wait
from .routing import Match, Routes, address

# So much of a reply, and of a reason, which may name what a stranger has sent, is written down.
_MOST_TEXT = 4096
# What a call has until it has entered, and until its provider says otherwise.
_REAL_TIME, _CAPS = time.Clock(), Caps()
_OURS = ApiError(
    Problem.SERVER_ERROR,
    "Internal server error",
    reason="this is a bug in fauxscale, not in your client; please report it with the traceback from its log",
)


class Pipeline(Struct, frozen=True):
    """Runs calls, in the documented order. `recorded` answers from a recording, where there is one; `log` is told of
    mistakes of ours."""

    accounts: Accounts
    routes: Routes
    observer: Observer | None = None
    recorded: Callable[[Call, Match], Awaitable[Response | None]] | None = None
    log: BoundedLog = field(default_factory=lambda: BoundedLog(logging.getLogger("fauxscale")))
    journal: JournalObserver | None = None

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
            return await self._tried(call, match)
        except StoreUnavailable as lost:
            return self._put_off(call, lost)

    async def _tried(self, call: Call, match: Match) -> Response:
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
        except (ClientDisconnect, asyncio.CancelledError, StoreUnavailable):
            raise
        except Exception as mistake:
            # A mistake of ours: told as such, journalled like any call, and logged with its traceback.
            log_mistake(self.log, mistake, call.endpoint.operation, call.entry.mask())
            await self._identify(call)
            return self._refuse(call, _OURS)

    async def _enter(self, call: Call) -> None:
        """Find the call's account, number and time it, assign its faults, count it in."""
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
        call.clock, call.terms = call.account.clock_of(head), call.account.terms_of(head)
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
        latency = call.terms.latency or 0 if call.endpoint.kind == "api" else 0
        late = 0.0
        if latency:
            late = (
                latency if any(quota.units == "images" for quota in call.provider.quotas) else 0
            )  # when paid
            await time.wait(latency - late)
        await call.faults.apply("call")
        if latency or call.faults.applied:
            await call.check_open()  # it may have been closed meanwhile
        response = await self.recorded(call, match) if self.recorded else None
        response = response or await call.endpoint.handler(call)
        if late:
            await time.wait(late)
        return response

    async def _leave(self, call: Call, response: Response) -> Response:
        """Add the provider's headers, let faults change the reply, and close the call's journal entry."""
        response = call.inlined.resolve(response)
        add_missing(response, {**call.provider.headers(call), "date": time.http_date(call.now)})
        if call.endpoint.any_origin:
            # The real links can be drawn on a canvas from any site; so can these, and a refusal can be read.
            response.headers["access-control-allow-origin"] = "*"
            response.headers["access-control-expose-headers"] = "*"
        try:
            await note_wait(call, response)
            response = await call.faults.alter(response)
        except StoreUnavailable as lost:
            response = self._put_off(call, lost)
        response = await self._close(call, response) or response
        if self.observer is not None and call.endpoint.kind == "api":
            self.observer(_observed(call, response))
        return response

    def _call(self, request: Request, match: Match) -> Call:
        endpoint = endpoint_for(match, request.method)
        entry, holder = _opened(request, match, endpoint), self.accounts.new_holder()
        reads = (
            (match.params or {}).get("id", "") if endpoint.kind == "download" and not endpoint.owner else ""
        )
        unassigned = self.accounts.unassigned()
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
            clock=_REAL_TIME,
            entry=entry,
            caps=_CAPS,
            faults=CallFaults(request, entry, unassigned, holder),
            arrival=Arrival(
                holder=holder,
                operation=endpoint.operation,
                kind=endpoint.kind,
                method=request.method,
                provider=match.provider.name,
                quotas=partial(quotas_under, match.provider.quotas) if endpoint.limited else lambda terms: (),
                link=reads,
            ),
        )

    async def _account(self, call: Call, *, recalled: bool) -> Account:
        """Find the account of a call by its key, or by its link. `recalled`: as this worker remembers it."""
        if call.endpoint.owner is not None:
            return await call.endpoint.owner(call) or self.accounts.unassigned()
        if call.endpoint.needs_key:
            key = call.provider.find_key(call.request)
            hashed = redact.fingerprint(key) if key else ""
            call.entry.key, call.entry.secret = (redact.nickname(key, hashed), key) if key else ("", "")
            known = self.accounts.recalled(hashed, call.provider.name) if recalled else None
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

    def _put_off(self, call: Call, lost: StoreUnavailable) -> Response:
        """Refuse a call that the store cannot serve now, whether or not it has entered."""
        if not call.entry.id:
            call.account = self.accounts.unassigned()
            self._number(call, 0)
        error = ApiError(
            Problem.UNAVAILABLE, "Service temporarily unavailable", reason=lost.reason, retry_after=1
        )
        return self._refuse(call, error)

    async def _close(self, call: Call, response: Response | None) -> Response | None:
        """Write the call down. What was done stays done, and is answered so, if the store is gone by now; but faults go
        back to their rules then, and may not be seen: returns what to answer instead."""
        try:
            await self._write_down(call, response)
        except StoreUnavailable as lost:
            self.log.warning("a call was answered and could not be written down: %s", lost.reason)
            return self._put_off(call, lost) if call.faults.of_rules else None
        return None

    async def _write_down(self, call: Call, response: Response | None) -> None:
        entry = call.entry
        call.faults.settle()
        if not entry.id:
            await self._identify(call)
        entry.ended, entry.ahead = time.stopwatch(), round(call.now - time.wall() - call.clock.ahead, 3)
        entry.api_version = call.api_version
        if response is not None:
            entry.status = response.status_code if getattr(response, "arrives", True) else None
            entry.reply_headers = response.headers.items()
            media_type = next((value for name, value in response.raw_headers if name == b"content-type"), b"")
            if media_type.partition(b";")[0] in (b"application/json", b"text/plain"):
                entry.reply = beginning(response, _MOST_TEXT).decode(errors="replace")
        known = call.snapshot or await read_snapshot(call.account)
        self._remember(call, await leave(call.account, call.arrival, entry, known, call.faults.unused))
        if self.journal is not None:
            self.journal(call.account.id, known.head.label, entry)


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


def _observed(call: Call, response: Response) -> Observation:
    request = call.request
    return Observation(
        account=call.account.id,
        provider=call.provider.name,
        api_version=call.entry.api_version,
        operation=call.endpoint.operation,
        faults=tuple(call.entry.faults),
        method=request.method,
        url=str(request.url),
        headers=tuple(request.headers.items()),
        body=intake.body if isinstance(intake := request.receive, Intake) else b"",
        whole=not isinstance(intake, Intake) or intake.complete,
        status=call.entry.status,
        reply_headers=tuple(response.headers.items()),
        reply=bytes(getattr(response, "body", b"")),
    )
