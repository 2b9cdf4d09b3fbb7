"""Faults of one shape bring a client into the same situation; whatever it can tell apart has another shape."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from fauxscale import Body, EmptyData, ExtraFields, Fail, Fault, LoseReply, Redirect, Truncate, UnsafeImage
from fauxscale.faults import KINDS, to_json
from fauxscale_contracts.coverage.shapes import hint, members_of, shape_of

SAME: list[tuple[Fault, Fault]] = [
    (Fail(429, retry_after=2), Fail(429, retry_after=30)),
    (Fail(429, retry_after=0.3), Fail(429, retry_after=1.5)),
    (Fail(429, retry_after=1, form="date"), Fail(429, retry_after=600, form="date")),
    (Fail(429, retry_after=-5, form="date"), Fail(429, retry_after=-60, form="date")),
    (Fail(429, retry_after=3600), Fail(429, retry_after=86_400, form="date")),
    (Fail(503, retry_after=0.2), Fail(503, retry_after=7)),
    (Fail(400), Fail(400, message="no", retry_after=3)),
    (LoseReply("close", 20), LoseReply("close", 1)),
    (Truncate(100), Truncate(5)),
    (Body(json=[]), Body(json=[1, 2])),
    (Body(text="null"), Body()),
    (Body(text="<p>"), Body(text="Hello", media_type="text/html")),
    (Body(json={"data": []}), EmptyData()),
    (ExtraFields(), ExtraFields({"b": 1})),
    (ExtraFields(pointer="/data/0"), ExtraFields(pointer="/data/3")),
]
APART: list[tuple[Fault, ...]] = [
    (
        Fail(429),
        Fail(429, retry_after=0),
        Fail(429, retry_after=2),
        Fail(429, retry_after=0.5),
        Fail(429, retry_after=2, form="date"),
        Fail(429, retry_after=-2, form="date"),
        Fail(429, retry_after=86_400),
    ),
    (Fail(503), Fail(503, retry_after=1), Fail(503, retry_after=86_400), Fail(500)),
    (LoseReply(), LoseReply("close"), LoseReply("close", 20), LoseReply("hang")),
    (Truncate(), Truncate(reset=True)),
    (
        Body(),
        Body(json=[]),
        Body(json={}),
        Body(json={"data": []}),
        Body(text=""),
        Body(text="{"),
        Body(text="<p>"),
    ),
    (Redirect(), Redirect("http://elsewhere.test/")),
    (UnsafeImage(), UnsafeImage(refuse=True), UnsafeImage(only=0)),
    (ExtraFields(), ExtraFields(pointer="/data/0")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_the_same_to_a_client_has_one_shape(one: Fault, other: Fault) -> None:
    assert shape_of(members_of(one)) == shape_of(members_of(other))


@pytest.mark.parametrize("faults", APART)
def test_what_a_client_can_tell_apart_has_shapes_of_its_own(faults: tuple[Fault, ...]) -> None:
    for one, other in combinations(faults, 2):
        assert shape_of(members_of(one)) != shape_of(members_of(other))


@pytest.mark.parametrize("fault", [one for pair in (*SAME, *APART) for one in pair])
def test_a_fault_has_the_shape_of_its_journal_entry(fault: Fault) -> None:
    assert shape_of(json.loads(json.dumps(to_json(fault)))) == shape_of(members_of(fault))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_has_a_shape(kind: type[Fault]) -> None:
    needed: dict[str, dict[str, object]] = {
        "Fail": {"status": 429},
        "MissingField": {"pointer": "/data"},
        "LateWebhook": {"seconds": 1},
    }
    assert shape_of({"fault": kind.__name__, **needed.get(kind.__name__, {})})


def test_an_unknown_fault_of_a_later_server_has_a_shape_too() -> None:
    assert shape_of({"fault": "Meteor", "size": 3}) == ("Meteor",)


def test_a_hint_is_told_only_where_a_client_reads_one() -> None:
    assert hint(404, 5) == ""
    assert hint(500, None) == "none"
    assert hint(429, 0) == "zero"
