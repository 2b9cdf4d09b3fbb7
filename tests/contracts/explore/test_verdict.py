"""A client is judged in a situation by what it does without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.client import AccountHandle
from fauxscale_contracts.explore.played import Played, Sleep, Usual
from fauxscale_contracts.explore.situations import situation
from fauxscale_contracts.explore.verdict import Judgement, judge, unread
from tests.contracts.explore.clients import Client, careless, fetch, order, play, simple, stubborn


@pytest.fixture
def judged(server: MockServer) -> Callable[..., Judgement]:
    def judged(
        client: Client, name: str, patience: float = 0.0, sleeps: tuple[Sleep, ...] | None = ()
    ) -> Judgement:
        with server.account() as account:
            usual = Usual.of(play(account, client))
        staged = situation(name)
        with server.account() as account:
            staged.stage(account, patience)
            seen = play(account, client, sleeps)
            assert staged.has_met(account)
        return judge(staged, usual, seen, patience)

    return judged


Judged = Callable[..., Judgement]
REPLIES = (
    "lost-reply",
    "lost-reply-closed",
    "cut-reply",
    "broken-json",
    "html-200",
    "null-url",
    "missing-data",
)


@pytest.mark.parametrize("name", REPLIES)
def test_paying_again_for_a_reply_that_is_lost_or_unreadable_is_wrong(judged: Judged, name: str) -> None:
    found = judged(stubborn, f"{name}@ideogram.upscale")
    assert found.level == "wrong"
    assert found.reasons[0] == "paid 2 times for one piece of work, once without the situation"


@pytest.mark.parametrize("name", ["download-expired@ideogram.download", "unsafe-result@ideogram.upscale"])
def test_paying_again_for_another_picture_is_to_be_looked_at(judged: Judged, name: str) -> None:
    found = judged(stubborn, name)
    assert found.level == "look"
    assert "paid 2 times" in found.reasons[0]


@pytest.mark.parametrize("status", [400, 402, 403, 413, 415, 422])
def test_sending_a_refused_request_again_is_wrong(judged: Judged, status: int) -> None:
    found = judged(stubborn, f"error-{status}@ideogram.upscale")
    assert (found.level, found.reasons) == ("wrong", (f"sent the same request again after {status}",))


@pytest.mark.parametrize("name", ["error-401", "error-404", "429-always", "500-always", "503-once", "reset"])
def test_giving_up_and_asking_again_are_fine_where_nothing_was_done(judged: Judged, name: str) -> None:
    assert judged(simple, f"{name}@ideogram.upscale").level == "fine"
    if name not in ("429-always",):
        assert judged(stubborn, f"{name}@ideogram.upscale").level == "fine"


def test_more_than_twelve_calls_are_wrong(judged: Judged) -> None:
    def twenty(account: AccountHandle) -> None:
        for _ in range(20):
            if order(account).status_code == 200:
                return

    found = judged(twenty, "500-always@ideogram.upscale")
    assert (found.level, found.reasons) == ("wrong", ("called 20 times",))


def test_a_client_that_makes_many_calls_anyhow_may(judged: Judged) -> None:
    def thirteen(account: AccountHandle) -> None:
        for number in range(13):
            order(account, resemblance=number)

    assert judged(thirteen, "500-once@ideogram.upscale").level == "fine"


def impatient(account: AccountHandle) -> None:
    while (reply := order(account)).status_code == 429:
        pass
    reply.raise_for_status()


def test_a_wait_shorter_than_told_is_wrong(judged: Judged) -> None:
    found = judged(impatient, "429-seconds@ideogram.upscale")
    assert found.level == "wrong"
    assert found.reasons[0].startswith("was told to wait 2 s but waited 0.")


def test_waits_are_not_judged_where_sleeps_were_not_seen(judged: Judged) -> None:
    assert judged(impatient, "429-seconds@ideogram.upscale", sleeps=None).level == "fine"


def test_a_clock_that_the_test_moves_is_a_wait(judged: Judged) -> None:
    def patient(account: AccountHandle) -> None:
        while (reply := order(account)).status_code == 429:
            account.clock.advance(seconds=float(reply.headers["retry-after"]))

    assert judged(patient, "429-seconds@ideogram.upscale").level == "fine"


def test_a_sleep_is_a_wait(server: MockServer) -> None:
    staged = situation("429-seconds@ideogram.upscale")
    with server.account() as account:
        staged.stage(account)
        order(account)
        order(account)
        (first, _) = account.calls
        slept = Sleep(first.ended, 2.0)
        usual = Usual(charges={}, micros=60_000, work=1, repeats=0, blocked=0)
        assert judge(staged, usual, play(account, lambda _: None, (slept,))).level == "fine"
        assert judge(staged, usual, play(account, lambda _: None, ())).level == "wrong"


@pytest.mark.parametrize(
    "name",
    [
        "download-html@ideogram.download",
        "download-corrupt@ideogram.download",
        "download-wrong-type@ideogram.download",
        "download-short@ideogram.download",
        "download-not-enlarged@ideogram.upscale",
        "download-halved@ideogram.upscale",
    ],
)
def test_taking_a_bad_picture_without_an_error_is_to_be_looked_at(judged: Judged, name: str) -> None:
    found = judged(careless, name)
    assert found.level == "look"
    assert found.reasons[0].startswith("accepted it without an error: ")


@pytest.mark.parametrize("name", ["download-purged", "download-expired"])
def test_taking_an_error_for_a_picture_is_to_be_looked_at(judged: Judged, name: str) -> None:
    def unlooking(account: AccountHandle) -> bytes:
        return httpx.get(order(account).json()["data"][0]["url"]).content

    status = 404 if name == "download-purged" else 403
    found = judged(unlooking, f"{name}@ideogram.download")
    assert found.level == "look"
    assert found.reasons[0].startswith(f"treated the {status} reply as a picture: ")
    assert judged(careless, f"{name}@ideogram.download").level == "fine"


def test_a_client_that_notices_a_bad_picture_is_fine(judged: Judged) -> None:
    for name in ("download-html@ideogram.download", "download-halved@ideogram.upscale"):
        assert judged(simple, name).level == "fine"


def test_reading_a_bad_picture_again_is_fine(judged: Judged) -> None:
    def twice(account: AccountHandle) -> None:
        reply = order(account)
        fetch(reply)
        fetch(reply)

    assert judged(twice, "download-corrupt@ideogram.download#1").level == "fine"
    assert judged(twice, "download-corrupt@ideogram.download#2").level == "look"


def test_silence_is_judged_by_the_patience(judged: Judged) -> None:
    assert judged(simple, "hang@ideogram.upscale", patience=0.05).reasons == (
        "was still waiting after 0.05 s without a reply",
    )

    def hurried(account: AccountHandle) -> None:
        form: dict[str, Any] = {"image_file": b"x", "image_request": "{}"}
        key = {"Api-Key": account.api_key("ideogram")}
        with httpx.Client(timeout=0.2) as http:
            http.post(f"{account.base_url('ideogram')}/upscale", headers=key, files=form)

    assert judged(hurried, "hang@ideogram.upscale", patience=5).level == "fine"


def test_a_surprise_is_to_be_looked_at() -> None:
    staged = situation("missing-url@ideogram.upscale")
    usual = Usual(charges={}, micros=0, work=1, repeats=0, blocked=0)
    found = judge(staged, usual, Played(ending="surprise", said="KeyError: 'url' in client.py"))
    assert (found.level, found.reasons) == ("look", ("crashed: KeyError: 'url' in client.py",))


def test_a_sleep_of_a_day_is_to_be_looked_at() -> None:
    staged = situation("429-far-future@ideogram.upscale")
    usual = Usual(charges={}, micros=0, work=1, repeats=0, blocked=0)
    found = judge(staged, usual, Played(sleeps=(Sleep(0.0, 86_400.0),)))
    assert (found.level, found.reasons) == ("look", ("sleeps for 86,400 s because Retry-After says so",))


def test_pictures_that_are_paid_for_and_not_read(account: AccountHandle) -> None:
    fetch(order(account, num_images=2))
    assert unread(play(account, lambda _: None)).reasons == ("pays for 2 pictures but reads only 1",)


def test_a_test_that_reads_none_or_all_says_nothing_of_that(account: AccountHandle) -> None:
    order(account, num_images=2)
    assert unread(play(account, lambda _: None)).level == "fine"
    fetch(order(account))
    assert unread(play(account, lambda _: None)).level == "fine"
