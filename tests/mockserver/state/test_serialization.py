"""Everything a store keeps is the same once it has been JSON."""

from __future__ import annotations

import pytest
from msgspec import Struct
from msgspec.structs import replace

from fauxscale.clock import Clock
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Body, Delay, Fail, Rule
from fauxscale.images.recipe import Draw, Enlarge
from fauxscale.images.recipe import Recipe as Pictured
from fauxscale.settings import Terms
from fauxscale.state.accounts import Card, Owner
from fauxscale.state.fault_progress import Count, RuleProgress
from fauxscale.state.files import File
from fauxscale.state.head import Head
from fauxscale.state.jobs import Job, Pace
from fauxscale.state.journal import Entry
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link
from fauxscale.state.links import Place
from fauxscale.state.serialization import decode, encode, size_of
from fauxscale.state.webhooks import Attempt, Delivery, Signature

RULE = Rule(
    "fault_1", (Fail(429, retry_after=1.5), Delay(0.2), Body({"a": [1]})), on="fal.*", times=None, after=2
)
CHARGE = Charge(
    "charge_1", 1.5, "fal.submit", 60_000, 1, "call_1", ("blob",), "a-digest", refunds="charge_0", product="x"
)
JOB = Job(
    id="j", provider="fal", operation="fal.submit", call="call_1", made=100.0, pace=Pace(queued=10, polls=2),
    output={"seed": 1, "sizes": [1, 2]}, charge=CHARGE, notify="http://127.0.0.1/hook",
)  # fmt: skip
ENTRY = Entry(
    n=1, id="call_1", status=None, faults=["Fail"], configured=[{"fault": "Fail", "status": 429}],
    params={"a": [1, None]}, image={"width": 4}, reply="ü\ud800", request_headers=[("a", "b")],
)  # fmt: skip


LINK = Link(
    id="l", account="a", provider="fal", operation="fal.run", path="/x", width=4, height=2, altered="smaller",
    recipe=Pictured(("blob",), Enlarge(4, 2), "PNG", memory=99),
)  # fmt: skip


class Nested(Struct, frozen=True):
    """Of one kind of step or another, as plain as JSON lets them be."""

    step: Enlarge | Draw
    data: bytes = b""
    pair: tuple[int, str] = (1, "a")
    before: Nested | None = None


@pytest.mark.parametrize(
    "value",
    [
        RULE,
        CHARGE,
        JOB,
        ENTRY,
        Head(generation=3, version=2, label="x", keys=("k",), clock=Clock(1.5, 2.0), rules=(RULE,)),
        Head(terms=Terms(balance=1.5, rate_limit=3, options={"fal.polls": 2, "fal.x": True})),
        RuleProgress(1, 2, {"fault_1": Count(1, 2, {0: 1})}),
        LINK,
        replace(LINK, exp=5, recipe=Pictured((), Draw("a cat", 4, 2), "JPEG", quality=3)),
        File("f", "a", "fal", "/x", "image/png", exp=1.5),
        Delivery(
            id="d",
            url="http://x",
            body="{}",
            signature=Signature({"X": "{id}"}, "{sha256}"),
            user="a",
            due=1.0,
            attempts=(Attempt(1.0, None, "no"),),
        ),
        Card("a", "label", 1.5, {"*": "sk"}),
        Owner("a", "*"),
        Place("a", 3),
        Nested(Draw("x", 1, 2), b"\x00\xff", (2, "b"), before=Nested(Enlarge(2, 1))),
        True,
        7,
        "text",
    ],
)
def test_a_value_survives_its_json(value: object) -> None:
    assert decode(encode(value), type(value)) == value


def test_an_error_survives_with_all_that_is_worded_of_it() -> None:
    error = ApiError(Problem.UNSAFE, "no", reason="configured", param="a", status=422, details={"limit": 3})
    again = decode(encode(error), ApiError)
    assert again.to_members() == error.to_members()


def test_a_member_that_is_no_longer_known_is_left_behind() -> None:
    assert decode(b'{"account": "a", "generation": 3, "colour": "red"}', Place) == Place("a", 3)


def test_the_size_of_a_value_is_about_that_of_its_json() -> None:
    assert 0.5 < size_of(ENTRY) / len(encode(ENTRY)) < 2
