"""What the members of a fault may be is judged when it is made: nothing absurd reaches a plan."""

from __future__ import annotations

import json
import math
from typing import Any, get_args, get_type_hints

import pytest

from fauxscale import Body, ExtraFields, Fail, MissingField, Redirect
from fauxscale.faults import KINDS, Fault, from_json, to_json
from tests.calls.ideogram import upscale
from tests.stages import Stage

NEEDED: dict[str, dict[str, Any]] = {
    "Fail": {"status": 429},
    "Delay": {"seconds": 1},
    "LateWebhook": {"seconds": 1},
    "MissingField": {"pointer": "/data"},
}
# Below 0 these say something: a length that is too short.
SIGNED = {("WrongContentLength", "by")}


def numbers() -> list[tuple[type[Fault], str]]:
    """Every numeric member of every kind."""
    return [
        (kind, name)
        for kind in KINDS
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__ and {int, float} & {hint, *get_args(hint)}
    ]


def made(kind: type[Fault], member: str, value: object) -> None:
    """Make such a fault in both ways there are."""
    words = NEEDED.get(kind.__name__, {}) | {member: value}
    with pytest.raises(ValueError, match=rf"{kind.__name__}.{member} must be"):
        kind(**words)
    with pytest.raises(ValueError, match=rf"{kind.__name__}.{member} must be"):
        from_json({"fault": kind.__name__, **words})


@pytest.mark.parametrize(("kind", "member"), numbers())
def test_no_member_is_a_number_beyond_all_bounds(kind: type[Fault], member: str) -> None:
    for value in (math.nan, math.inf, -math.inf, 1e300, 10**18, -(10**18), 10**400):
        made(kind, member, value)


@pytest.mark.parametrize(
    ("kind", "member"), [one for one in numbers() if (one[0].__name__, one[1]) not in SIGNED]
)
def test_no_member_is_less_than_nothing(kind: type[Fault], member: str) -> None:
    made(kind, member, -1)


def test_every_number_there_is_is_judged() -> None:
    assert {f"{kind.__name__}.{member}" for kind, member in numbers()} == {
        "ConnectionReset.after_bytes", "Delay.seconds", "Delay.sigma", "DuplicateWebhook.copies", "Fail.retry_after",
        "Fail.status", "LateWebhook.seconds", "LoseReply.at", "SlowDrip.pieces", "SlowDrip.seconds", "Stall.at",
        "Truncate.at", "UnsafeImage.only", "WrongContentLength.by",
    }  # fmt: skip


def test_a_wait_told_as_a_date_may_have_passed() -> None:
    assert Fail(429, retry_after=-60, form="date").error.retry_after == -60
    with pytest.raises(ValueError, match=r"from -31,622,400 to 31,622,400"):
        Fail(429, retry_after=-1e9, form="date")


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1/€", "http://x/\r\nSet-Cookie: a=b", "/a\x00", " /a", "/a ", "/ä"]
)
def test_what_becomes_a_header_is_one_line_of_printable_ascii(text: str) -> None:
    with pytest.raises(ValueError, match=r"Redirect.to must be one line of printable ASCII"):
        Redirect(text)
    with pytest.raises(ValueError, match=r"Body.media_type must be one line of printable ASCII"):
        Body(text="x", media_type=text)


@pytest.mark.parametrize("value", [math.nan, {"a": math.inf}, {1, 2}, ["\ud800"]], ids=ascii)
def test_what_becomes_a_reply_can_be_sent(value: Any) -> None:
    with pytest.raises(ValueError, match=r"Body.json must be JSON"):
        Body(value)
    with pytest.raises(ValueError, match=r"ExtraFields.fields must be JSON"):
        ExtraFields({"more": value})
    with pytest.raises(ValueError, match=r"Body.text must be JSON"):
        Body(text="\ud800")


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_at_its_bounds_is_a_fault(kind: type[Fault]) -> None:
    fault = kind(**NEEDED.get(kind.__name__, {}))
    assert from_json(json.loads(json.dumps(to_json(fault)))) == fault


def test_an_absurd_pointer_leads_nowhere(stage: Stage) -> None:
    with stage.account() as account:
        account.faults.add(MissingField(f"/data/{'9' * 5000}"))
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 200
        assert account.calls.last.faults == ()
