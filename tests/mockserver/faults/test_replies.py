"""Replies that are not the service's own, links that do not verify, redirects, waits told as dates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest

from fauxscale import Body, Fail, ForgedUrl, LoseReply, Redirect
from fauxscale.client import AccountHandle
from tests.calls.ideogram import upscale
from tests.pictures import opened
from tests.stages import Stage

pytestmark = pytest.mark.every_mode


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


def call(stage: Stage, account: AccountHandle) -> httpx.Response:
    return upscale(stage, key=account.api_key("ideogram"))


@pytest.mark.parametrize(
    ("fault", "body", "media_type"),
    [
        (Body(json={"data": []}), b'{"data":[]}', "application/json"),
        (Body(), b"null", "application/json"),
        (Body(text='{"da'), b'{"da', "application/json"),
        (Body(text="<h1>Hi</h1>", media_type="text/html"), b"<h1>Hi</h1>", "text/html"),
        (Body(text=""), b"", "application/json"),
    ],
)
def test_a_body_is_served_as_configured_for_work_that_was_paid(
    stage: Stage, account: AccountHandle, fault: Body, body: bytes, media_type: str
) -> None:
    account.faults.add(fault, on="ideogram.upscale")
    reply = call(stage, account)
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, body, media_type)
    assert account.spend == 0.06
    assert call(stage, account).json()["data"][0]["url"]


def test_a_forged_link_is_refused_and_the_next_call_s_is_not(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(ForgedUrl(), on="ideogram.upscale")
    forged, good = (call(stage, account).json()["data"][0]["url"] for _ in range(2))
    assert stage.http.get(forged).status_code == 403
    assert stage.http.get(good).status_code == 200


def test_a_link_redirects_to_itself_once_and_then_shows_the_picture(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Redirect(), on="ideogram")
    url = call(stage, account).json()["data"][0]["url"]
    reply = stage.http.get(url, follow_redirects=True)
    assert [one.status_code for one in reply.history] == [302]
    assert str(reply.url) == url
    assert opened(reply.content).format == "PNG"


def test_a_link_redirects_where_it_is_configured_to(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Redirect("https://media.invalid/login"), on="ideogram", times=None)
    url = call(stage, account).json()["data"][0]["url"]
    for _ in range(2):
        assert stage.http.get(url).headers["location"] == "https://media.invalid/login"


@pytest.mark.parametrize("seconds", [0.2, 30, -60])
def test_a_wait_is_told_as_a_date_never_earlier_than_asked(
    stage: Stage, account: AccountHandle, seconds: float
) -> None:
    account.faults.add(Fail(429, retry_after=seconds, form="date"), on="ideogram.upscale")
    before = time.time()
    reply = call(stage, account)
    date = parsedate_to_datetime(reply.headers["retry-after"]).timestamp()
    assert before + seconds <= date <= time.time() + seconds + 1


def test_a_date_is_of_the_account_s_clock(stage: Stage, account: AccountHandle) -> None:
    account.clock.freeze(1_800_000_000)
    account.faults.add(Fail(429, retry_after=10, form="date"), on="ideogram.upscale")
    reply = call(stage, account)
    assert parsedate_to_datetime(reply.headers["retry-after"]).timestamp() == 1_800_000_010


def test_a_lost_reply_may_be_lost_in_its_middle(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(LoseReply("close", at=10), on="ideogram.upscale")
    with pytest.raises(httpx.TransportError):
        call(stage, account)
    assert account.spend == 0.06
