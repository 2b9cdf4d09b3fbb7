"""What is no fault, and an operation that is none, are answered with what to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fauxscale import Delay, Fail, LoseReply, MockServer, Ok, SameSize
from fauxscale.client import AccountHandle, InvalidRequest


@pytest.fixture(scope="module")
def account() -> Iterator[AccountHandle]:
    with MockServer(listen=False) as mock:
        yield mock.account()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (LoseReply, r"LoseReply is a class, not a fault: write LoseReply\(\)"),
        (Delay, r"Delay is a class, not a fault: write Delay\(seconds=\.\.\.\)"),
        ("Fail", r"'Fail' is the name of a fault: write Fail\(status=\.\.\.\), from fauxscale import Fail"),
        ("Fial", r"'Fial' is not a fault, did you mean 'Fail'\?"),
        ("429", r"'429' is not a fault: write Fail\(429\)"),
        (429, r"429 is not a fault: write one of Body, .*Fail, .*, with parentheses"),
        (None, "None is not a fault"),
        ({"fault": "Fail", "status": 429}, "is not a fault"),
        (int, "is not a fault"),
    ],
)
def test_what_is_no_fault_is_told_what_to_write(account: AccountHandle, given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        account.faults.add(given)
    with pytest.raises(TypeError, match=said):
        account.faults.script([Ok(), given])
    assert account.faults.list() == []


@pytest.mark.parametrize(
    ("on", "meant"),
    [
        ("ideogram.upscal", "ideogram.upscale"),
        ("idiogram", "ideogram"),
        ("fal.sumbit", "fal.submit"),
        ("Ideogram.upscale", "ideogram.upscale"),
    ],
)
def test_a_misspelt_operation_is_told_the_nearest(account: AccountHandle, on: str, meant: str) -> None:
    with pytest.raises(
        InvalidRequest,
        match=rf"matches '{on}', did you mean '{meant}'\? (the nearest are .*; )?GET .* lists all$",
    ):
        account.faults.add(Fail(429), on=on)


def test_nothing_is_proposed_where_nothing_is_near(account: AccountHandle) -> None:
    with pytest.raises(
        InvalidRequest, match=r"matches 'no such thing': GET /__fauxscale/api/providers lists all"
    ):
        account.faults.add(SameSize(), on="no such thing")
