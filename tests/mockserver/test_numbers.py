"""read_number: what a double holds, from JSON, headers and paths; everything else is none."""

from __future__ import annotations

import pytest

from fauxscale.numbers import read_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (-0.5, -0.5),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        (True, None),
        (None, None),
        ([], None),
        ("", None),
        ("abc", None),
        ("nan", None),
        ("-inf", None),
        ("1e400", None),
        (float("inf"), None),
        (10**400, None),
        ("9" * 5_000, None),
        ("٣", None),
    ],
)
def test_a_number_is_read_or_there_is_none(value: object, number: float | None) -> None:
    assert read_number(value) == number
