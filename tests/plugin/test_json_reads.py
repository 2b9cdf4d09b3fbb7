"""Of an answer that was announced it is known which members a client looks at; all else is parsed as ever."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_fauxscale.json_reads import JsonReads

BODY = b'{"created": 1, "data": [{"url": "u", "seed": 2}, {"url": "v", "seed": 3}], "a/b": {}}'
ALL = {"/body", "/body/created", "/body/data", "/body/a~1b"}


def reads(use: Callable[[Any], object]) -> set[str]:
    """The places that were read when the body was used in this way."""
    watched = JsonReads()
    watched.expect(BODY)
    with watched.watching():
        use(json.loads(BODY))
    return set(watched.of(BODY) or ())


def first_url(value: Any) -> object:
    return value["data"][0]["url"]


def every_seed(value: Any) -> object:
    return [one.get("seed") for one in value["data"]]


LOOKS: dict[str, tuple[Callable[[Any], object], set[str]]] = {
    "by index": (first_url, {"/body", "/body/data", "/body/data/*", "/body/data/*/url"}),
    "get": (every_seed, {"/body", "/body/data", "/body/data/*", "/body/data/*/seed"}),
    "in": (lambda value: "created" in value, {"/body", "/body/created"}),
    "a slash": (lambda value: value["a/b"], {"/body", "/body/a~1b"}),
    "not there": (lambda value: value.get("request_id"), {"/body", "/body/request_id"}),
    "pop": (lambda value: value.pop("created"), {"/body", "/body/created"}),
    "len": (len, set()),
}
WALKS: dict[str, Callable[[Any], object]] = {
    "dict": dict,
    "list": list,
    "unpacked": lambda value: {**value},
    "as arguments": lambda value: (lambda **members: members)(**value),
    "or": lambda value: value | {},
    "copy": lambda value: value.copy(),
    "items": lambda value: value.items(),
    "values": lambda value: value.values(),
    "keys": lambda value: value.keys(),
    "equals": lambda value: value == {},
    "copy.copy": copy.copy,
}


@pytest.mark.parametrize(("use", "places"), LOOKS.values(), ids=LOOKS)
def test_a_member_that_is_looked_at_is_noted(use: Callable[[Any], object], places: set[str]) -> None:
    assert reads(use) == places


@pytest.mark.parametrize("use", WALKS.values(), ids=WALKS)
def test_an_object_that_is_copied_or_walked_is_read_whole(use: Callable[[Any], object]) -> None:
    assert reads(use) == ALL


@pytest.mark.parametrize("use", [json.dumps, copy.deepcopy])
def test_what_goes_all_the_way_down_reads_all_the_way_down(use: Callable[[Any], object]) -> None:
    assert reads(use) == {*ALL, "/body/data/*", "/body/data/*/url", "/body/data/*/seed"}


def test_the_value_is_the_same_for_the_client() -> None:
    watched = JsonReads()
    watched.expect(BODY)
    plain = json.loads(BODY)
    with watched.watching():
        seen = json.loads(BODY.decode())
    assert seen == plain
    assert (json.dumps(seen), isinstance(seen, dict)) == (json.dumps(plain), True)
    assert type(copy.deepcopy(seen)) is dict


def test_other_texts_are_left_alone_and_nothing_is_known_of_them() -> None:
    watched = JsonReads()
    with watched.watching():
        assert type(json.loads(BODY)) is dict
    assert watched.of(BODY) is None


def test_an_answer_that_nothing_was_read_of_is_unknown_and_one_that_is_over_is_forgotten() -> None:
    watched = JsonReads()
    watched.expect(BODY)
    assert watched.of(BODY) is None
    with watched.watching():
        first_url(json.loads(BODY))
    watched.forget()
    assert watched.of(BODY) is None
