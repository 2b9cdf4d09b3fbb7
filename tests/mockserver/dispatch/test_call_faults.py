"""The faults of one call: assigned, applied, and which of them changed something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.requests import Request

from fauxscale.dispatch.call_faults import CallFaults
from fauxscale.errors import ApiError
from fauxscale.faults import (
    AssignedFault,
    CorruptChunk,
    Delay,
    DuplicateWebhook,
    Fail,
    Fault,
    HoldWebhook,
    RepeatWebhook,
)
from fauxscale.state.journal import Entry
from tests.local_app import LocalApp, open_local_app


@pytest.fixture
def local() -> Iterator[LocalApp]:
    yield from open_local_app()


def faults(local: LocalApp, *assigned: Fault, method: str = "POST") -> CallFaults:
    """The faults of a call to which an account's rules assigned these."""
    request = Request({"type": "http", "method": method, "path": "/", "headers": []})
    made = CallFaults(request, Entry(), local.account, "call")
    made.enter(local.account, [AssignedFault("rule_1", one) for one in assigned], has_rules=False)
    return made


def kinds(assigned: list[AssignedFault]) -> list[str]:
    return [type(one.fault).__name__ for one in assigned]


def test_a_fault_that_no_stage_reached_goes_back(local: LocalApp) -> None:
    call = faults(local, Delay(0), CorruptChunk())
    local.run(call.apply("call"))
    assert (kinds(call.applied), kinds(call.unused)) == (["Delay"], ["CorruptChunk"])


def test_what_asks_for_something_has_applied_once_somebody_acted_on_it(local: LocalApp) -> None:
    call = faults(local, DuplicateWebhook(copies=3))
    local.run(call.apply("call", "webhook"))
    assert kinds(call.applied) == []
    assert call.take(HoldWebhook) is None
    taken = call.take(RepeatWebhook)
    assert taken is not None
    assert taken.copies == 3
    assert (kinds(call.applied), call.unused) == (["DuplicateWebhook"], [])


def test_a_fault_is_applied_once_and_a_refusal_has_applied(local: LocalApp) -> None:
    call = faults(local, Fail(503))
    with pytest.raises(ApiError):
        local.run(call.apply("call"))
    local.run(call.apply("call"))
    assert kinds(call.applied) == ["Fail"]


def test_a_prompts_fault_that_a_rule_has_staged_as_well_is_not_applied_twice(local: LocalApp) -> None:
    call = faults(local, Delay(0))
    local.run(call.apply("call"))
    local.run(call.apply_prompt_fault(Delay(0)))
    assert kinds(call.applied) == ["Delay"]
    local.run(call.apply_prompt_fault(CorruptChunk()))
    assert call.for_reads == CorruptChunk()


def test_what_befell_the_call_behind_befalls_the_call_once_joined(local: LocalApp) -> None:
    call = faults(local)
    behind = call.behind()
    behind.add(Delay(0))
    local.run(behind.apply("call"))
    assert kinds(call.applied) == []
    call.join(behind)
    assert kinds(call.applied) == ["Delay"]


def test_a_picture_inside_a_reply_is_altered_and_the_reply_around_it_is_not(local: LocalApp) -> None:
    call = faults(local, CorruptChunk())
    data = bytes(range(256)) * 40
    assert local.run(call.alter_picture("image/png", data)) != data
    assert kinds(call.applied) == ["CorruptChunk"]
    assert local.run(call.alter_picture("image/png", data)) == data
