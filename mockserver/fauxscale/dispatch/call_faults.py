"""The faults of one call: which are assigned to it, which have applied, and which effects they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TypeVar

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from fauxscale import clock
from fauxscale.faults import (
    BEYOND,
    AssignedFault,
    Effect,
    Fault,
    NotApplicable,
    Reply,
    Stage,
    to_json,
)
from fauxscale.state.account import Account
from fauxscale.state.journal import Entry

from . import request_body
from .responses import AlteredReply, PictureResponse

E = TypeVar("E", bound=Effect)


class CallFaults:
    """The faults of one call. It is also the context they apply in (`fauxscale.faults.FaultContext`).

    `for_reads` is a fault of the call's own prompt that applies to every read of the links the call gives out.
    `holder` names the call among those of all processes.
    """

    def __init__(self, request: Request, entry: Entry, account: Account, holder: str) -> None:
        self.request = request
        self._holder = holder
        self.account = account
        self.for_reads: Fault | None = None
        self._entry = entry
        self._assigned: list[AssignedFault] = []
        self._tried: list[AssignedFault] = []
        self._asked: list[tuple[Effect, AssignedFault]] = []
        self._acted: list[AssignedFault] = []
        self._reply: Reply | None = None
        self._has_rules = True

    def enter(self, account: Account, assigned: Sequence[AssignedFault], *, has_rules: bool) -> None:
        """Accept the faults that the account's rules assigned to the call when it entered."""
        self.account, self._has_rules = account, has_rules
        self._assigned = [*assigned]

    @property
    def applied(self) -> list[AssignedFault]:
        """The faults that changed something: their effects were applied, or they had none."""
        if not self._tried:
            return []
        asking = [one for _, one in self._asked]
        return [one for one in self._tried if one in self._acted or one not in asking]

    @property
    def unused(self) -> list[AssignedFault]:
        """The faults that did not apply and go back to their rules."""
        if not self._assigned:
            return []
        applied = self.applied
        return [one for one in self._assigned if one not in applied]

    @property
    def of_rules(self) -> bool:
        """Whether rules have assigned any faults to it."""
        return any(not one.from_prompt for one in self._assigned)

    async def assign(self, operation: str, kind: str) -> None:
        """Assign the faults that the account's rules have for a call of this operation and kind, besides its own."""
        if not self._has_rules:
            return
        self._assigned += await self.account.faults.assign(operation, kind, self.request.method, self._holder)

    def add(self, fault: Fault) -> None:
        """Assign a fault that comes from a prompt or a link, not from a rule."""
        self._assigned.append(AssignedFault("", fault, from_prompt=True))

    async def apply_prompt_fault(self, fault: Fault | None) -> None:
        """Assign the fault that the call's own prompt names, and apply it if it belongs to the stage "call"."""
        if fault is not None and fault.kind == "download":
            self.for_reads = fault
        elif fault is not None:
            self.add(fault)
            await self.apply("call")

    async def apply(self, *stages: Stage) -> None:
        """Apply the assigned faults that belong to one of `stages` and have not applied yet."""
        if not self._assigned:
            return
        beyond = BEYOND.get(self.request.method, frozenset[Stage]())
        for one in self._assigned:
            if one.fault.stage not in stages or one.fault.stage in beyond or one in self._tried:
                continue
            if one.from_prompt and any(other.fault == one.fault for other in self._tried):
                continue  # a rule has configured it as well
            await self._apply(one)

    async def _apply(self, one: AssignedFault) -> None:
        before = self._reply and replace(self._reply)
        self._tried.append(one)
        try:
            await one.fault.apply(self)
            if one.fault.stage in ("bytes", "reply") and self._reply == before:
                raise NotApplicable("it changes nothing in this reply")
        except NotApplicable as why:
            self._tried.remove(one)
            self._entry.reason = f"{type(one.fault).__name__} was configured, but {why}"

    def take(self, kind: type[E], fits: Callable[[E], bool] = lambda effect: True) -> E | None:
        """Take an effect of this kind that an applied fault asked for, to apply it; None if none `fits`."""
        for effect, one in self._asked:
            if isinstance(effect, kind) and fits(effect):
                self._acted.append(one)
                return effect
        return None

    def ended_by(self, *stages: Stage) -> AssignedFault | None:
        """The assigned fault of these stages that replaces the whole reply, so that no other can apply."""
        ending = (one for one in self._assigned if one.fault.stage in stages and not one.fault.combines)
        return next(ending, None)

    def mark_applied(self, one: AssignedFault) -> None:
        """Count a fault as applied whose effect was applied elsewhere."""
        if one not in self._tried:
            self._tried.append(one)

    def behind(self) -> CallFaults:
        """The faults of a call that this service makes to its upstream: separate until `join`."""
        return CallFaults(self.request, self._entry, self.account, self._holder)

    def join(self, behind: CallFaults) -> None:
        """Take over the faults that applied to the upstream call: they count as this call's."""
        self._assigned += behind._assigned
        self._tried += behind._tried
        self._asked += behind._asked
        self._acted += behind._acted

    async def alter_picture(self, media_type: str, data: bytes) -> bytes:
        """Return a picture for a reply, altered by the faults of the stage "bytes"."""
        whole, self._reply = self._reply, Reply(media_type, data)
        try:
            await self.apply("bytes")
            ending = self._reply.ending
            return self._reply.body if ending is None else self._reply.body[: ending.after]
        finally:
            self._reply = whole

    async def alter(self, response: Response) -> Response:
        """Return the response to send instead of `response`, after the faults of the stage "reply".

        The journal notes whether it will arrive.
        """
        altered = await self._alter(response)
        whole = getattr(altered, "whole", True)
        self._entry.arrived = whole and not await request_body.has_left(self.request)
        return altered

    async def _alter(self, response: Response) -> Response:
        stages: tuple[Stage, ...] = (
            ("bytes", "reply") if isinstance(response, PictureResponse) else ("reply",)
        )
        waiting = any(one.fault.stage in stages for one in self._assigned)
        # These faults need a success that is sent. Only then is the body read: for pictures that is a copy.
        if not waiting or response.status_code >= 300:
            return response
        if not getattr(response, "arrives", hasattr(response, "body")):
            return response
        whole = Reply(response.headers.get("content-type", ""), bytes(response.body))
        self._reply = replace(whole)
        await self.apply(*stages)
        if self._reply == whole:
            return response
        return AlteredReply(response, self._reply, self._client_left)

    async def _client_left(self) -> None:
        await self.account.journal.leave(self._entry.id)

    def settle(self) -> None:
        """Note in the journal which faults applied. Faults of an outcome go back if the work was not done."""
        if not self._entry.results:
            self._tried = [one for one in self._tried if one.outlasts(self._entry.rule)]
        applied = self.applied
        self._entry.faults = [type(one.fault).__name__ for one in applied]
        self._entry.configured = [to_json(one.fault) for one in applied]

    # What a fault may change about the call it applies to.

    def ask(self, effect: Effect) -> None:
        self._asked.append((effect, self._tried[-1]))

    @property
    def reply(self) -> Reply:
        assert self._reply is not None  # alter() filled it in
        return self._reply

    async def roll(self) -> float:
        return await self.account.roll()

    async def wait(self, seconds: float) -> None:
        await clock.wait(seconds)

    async def hang(self) -> None:
        await request_body.hang(self.request)

    async def take_body(self, count: float = inf) -> None:
        await request_body.take(self.request.receive, count)
