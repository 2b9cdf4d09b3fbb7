"""Retry-After: journalled as it was meant and, with virtual time, over in a moment in either of its forms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest

from fauxscale import Fail
from fauxscale.client import AccountHandle
from tests.calls.ideogram import upscale
from tests.stages import Stage

pytestmark = pytest.mark.every_mode


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account(time="virtual") as account:
        yield account


def call(stage: Stage, account: AccountHandle) -> httpx.Response:
    return upscale(stage, key=account.api_key("ideogram"))


def date(reply: httpx.Response) -> float:
    return parsedate_to_datetime(reply.headers["retry-after"]).timestamp()


def test_a_wait_in_seconds_passes_at_once(stage: Stage, account: AccountHandle) -> None:
    before = account.clock.now()
    account.faults.add(Fail(429, retry_after=30))
    assert call(stage, account).headers["retry-after"] == "0"
    assert account.calls.waits() == [30]
    assert 30 <= account.clock.now() - before < 40


def test_a_wait_until_a_date_passes_at_once(stage: Stage, account: AccountHandle) -> None:
    before = account.clock.now()
    account.faults.add(Fail(429, retry_after=30, form="date"), times=2)
    for wait in (30, 60):
        assert date(call(stage, account)) <= time.time(), "the client's own clock is not the account's"
        assert wait <= account.clock.now() - before < wait + 10
    assert account.calls.waits() == [30, 30]


def test_a_date_is_over_on_a_clock_that_is_behind(stage: Stage, account: AccountHandle) -> None:
    account.clock.freeze(1_000_000_000)
    account.faults.add(Fail(429, retry_after=30, form="date"))
    reply = call(stage, account)
    assert date(reply) == 1_000_000_000 == parsedate_to_datetime(reply.headers["date"]).timestamp()
    assert account.clock.now() == 1_000_000_030


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_real_wait_is_noted_as_it_was_configured(stage: Stage, form: str) -> None:
    with stage.account() as account:
        account.faults.add(Fail(429, retry_after=2.5, form="date" if form == "date" else "seconds"))
        assert call(stage, account).headers["retry-after"] != "0"
        assert account.calls.waits() == [2.5]


def test_a_date_that_has_passed_is_a_wait_for_nothing(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(429, retry_after=-60, form="date"))
    assert date(call(stage, account)) < time.time() - 50
    assert account.calls.waits() == [0]
    assert account.clock.now() < time.time() + 10


def test_the_longest_wait_leaves_an_account_that_can_be_called(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(429, retry_after=366 * 86_400), times=3)
    assert [call(stage, account).status_code for _ in range(4)] == [429, 429, 429, 200]
