"""Promises of forms.py: what providers ask a form that has arrived."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fauxscale.bodies.form import Caps, Form, Part, format_size, shown
from fauxscale.errors import ApiError, Problem

FORM = Form((Part("image[]", b"one"), Part("prompt", "für".encode()), Part("image[]", b"two")))


def test_a_repeated_name_gives_all_its_parts_in_order_of_arrival() -> None:
    assert [part.data for part in FORM.all("image[]")] == [b"one", b"two"]
    assert FORM.all("mask") == ()


def test_the_last_of_a_repeated_name_can_be_asked_for() -> None:
    last = FORM.last("image[]")
    assert last is not None
    assert last.data == b"two"
    assert FORM.last("mask") is None


def test_names_are_listed_once_in_order_of_first_appearance() -> None:
    assert FORM.names == ("image[]", "prompt")


def test_text_is_decoded_as_utf_8() -> None:
    assert FORM.parts[1].text == "für"


def test_asking_a_picture_for_its_text_is_a_refusal_that_names_the_part() -> None:
    with pytest.raises(ApiError) as caught:
        _ = Part("image_request", b"\x89PNG", filename="a.png", is_file=True).text
    assert caught.value.problem is Problem.MALFORMED_BODY
    assert caught.value.param == "image_request"


def test_the_cap_on_a_whole_form_follows_the_cap_on_a_file() -> None:
    assert Caps().whole == 11 * 1024 * 1024
    assert replace(Caps(), file=25).whole == 25 + 1024 * 1024
    assert Caps(body=77).whole == 77


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("image_file", "image_file"),
        ("", "''"),
        ("a\r\nSet-Cookie: x", r"'a\r\nSet-Cookie: x'"),
        ("é" * 500, "'" + r"\xe9" * 60 + "'"),
    ],
)
def test_a_label_in_a_reason_is_printable_ascii_of_bounded_length(label: str, reason: str) -> None:
    assert shown(label) == reason


def test_sizes_are_told_in_the_unit_of_the_documentation_and_exactly() -> None:
    assert format_size(10 * 1024 * 1024) == "10 MB (10,485,760 bytes)"
    assert format_size(4321) == "4,321 bytes"
