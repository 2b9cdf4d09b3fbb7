"""The account handle: where clients go, what they asked, what it cost, what time it is."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fauxscale import Delay, Fail, LoseReply, MockServer
from fauxscale.client import Account, Misunderstood, NotThere
from tests.mockserver.providers.test_ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    with stage.account() as account:
        yield account


def call(stage: Stage, account: Account, image: bytes | None = None, **request: object) -> httpx.Response:
    return upscale(stage, image, request, key=account.api_key("ideogram"))


def submit(stage: Stage, account: Account) -> str:
    source = base64.b64encode(picture()).decode()
    reply = stage.http.post(
        f"{stage.url}/fal/queue/fal-ai/ideogram/upscale",
        json={"image_url": f"data:image/png;base64,{source}"},
        headers={"Authorization": f"Key {account.api_key('fal')}"},
    )
    return str(reply.json()["request_id"])


# Where clients go


def test_the_environment_points_clients_here(stage: Stage, account: Account) -> None:
    variables = account.env()
    assert variables["IDEOGRAM_BASE_URL"] == account.base_url("ideogram") == f"{stage.url}/ideogram"
    assert variables["IDEOGRAM_API_KEY"] == account.api_key("ideogram")
    assert variables["FAL_QUEUE_URL"] == f"{stage.url}/fal/queue"
    assert variables["LUMENFALL_API_KEY"].startswith("lmnfl_")
    assert set(account.env("ideogram")) == {"IDEOGRAM_BASE_URL", "IDEOGRAM_API_KEY"}


@pytest.mark.parametrize("ask", [Account.base_url, Account.api_key, Account.env])
def test_an_unknown_provider_is_told_the_known_ones(account: Account, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match="choose from ideogram"):
        ask(account, "nobody")


def test_a_deleted_account_s_key_opens_nothing() -> None:
    with MockServer(listen=False) as mock:
        with mock.account() as account:
            assert repr(account) == "<account acct_1 at http://fauxscale.localhost>"
        with pytest.raises(NotThere, match="deleted"):
            account.calls  # pyright: ignore[reportUnusedExpression]


# What was asked


def test_a_call_is_typed_down_to_its_parameters(stage: Stage, account: Account) -> None:
    call(stage, account, picture("JPEG"), resemblance=55)
    one = account.calls.upscales[0]
    assert one == account.calls.last
    assert one.image is not None
    assert (one.image.size, one.image.format, one.image.has_alpha) == ((40, 30), "JPEG", False)
    assert (one.params.resemblance, one.params["detail"], len(one.params)) == (55, 50, 3)
    assert (one.operation, one.status, one.ok, one.cost) == ("ideogram.upscale", 200, True, 60_000)
    assert one.request_headers["api-key"] != account.api_key("ideogram")
    with pytest.raises(AttributeError, match=r"no parameter 'weight'; it had .*resemblance"):
        one.params.weight
    assert str(one) == "call_1 ideogram.upscale 200 JPEG 40x30 $0.06"


def test_calls_are_a_sequence_and_reads_of_links_are_apart(stage: Stage, account: Account) -> None:
    url = call(stage, account).json()["data"][0]["url"]
    stage.http.get(url)
    call(stage, account)
    calls = account.calls
    assert [one.id for one in calls] == ["call_1", "call_3"]
    assert [one.id for one in calls[1:]] == ["call_3"]
    assert [one.operation for one in calls.downloads] == ["ideogram.download"]
    assert len(calls.where(resemblance=50)) == 2
    with pytest.raises(IndexError, match=r"there are 2 calls:\n  call_1 ideogram.upscale 200"):
        calls[2]


def test_a_retry_knows_what_it_repeats(stage: Stage, account: Account) -> None:
    account.faults.add(Fail(503), times=2)
    call(stage, account)
    call(stage, account, picture(width=300, height=200))
    call(stage, account)
    call(stage, account, picture(width=300, height=200))
    call(stage, account)
    assert [one.retry_of for one in account.calls] == [None, None, "call_1", "call_2", None]


def test_a_call_beside_another_repeats_nothing(stage: Stage, account: Account) -> None:
    account.faults.add(Delay(0.3))
    account.faults.add(Fail(503))
    with ThreadPoolExecutor() as pool:
        failing = pool.submit(call, stage, account)
        while not account.faults.list()[1].struck:
            pass
        assert call(stage, account).status_code == 200
        assert failing.result().status_code == 503
    assert [one.retry_of for one in account.calls] == [None, None]


def test_the_most_calls_in_flight_are_counted(stage: Stage, account: Account) -> None:
    call(stage, account)
    assert account.calls.max_in_flight == 1
    account.faults.add(Delay(0.4), times=3)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: call(stage, account), range(3)))
    assert account.calls.max_in_flight == 3


@pytest.mark.parametrize("wanted", [{"status": 200}, {"image_size": (40, 30)}], ids=str)
def test_waiting_ends_with_the_call_or_tells_what_came_instead(
    stage: Stage, account: Account, wanted: dict[str, object]
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(account.calls.wait_for, 1, 5, **wanted)
        time.sleep(0.03)
        call(stage, account)
        assert waiting.result()[0].id == "call_1"
    with pytest.raises(AssertionError, match=r"1 of 2 calls with .* came within 0.05 s:\n  call_1"):
        account.calls.wait_for(2, timeout=0.05, **wanted)


def test_called_once_shows_the_nearest_call_and_each_difference(stage: Stage, account: Account) -> None:
    with pytest.raises(AssertionError, match="there were no calls at all"):
        account.calls.assert_called_once()
    call(stage, account, resemblance=54)
    call(stage, account, picture(width=64, height=48), resemblance=10)
    account.calls.assert_called_once(provider="ideogram", image_size=(40, 30), resemblance=54)
    with pytest.raises(AssertionError) as failed:
        account.calls.assert_called_once(provider="ideogram", image_size=(40, 30), resemblance=55, weight=1)
    assert str(failed.value).splitlines() == [
        "no call with provider='ideogram', image_size=(40, 30), resemblance=55, weight=1 among 2. The nearest was",
        "  call_1 ideogram.upscale 200 PNG 40x30 $0.06",
        "which differs in",
        "  resemblance: expected 55, received 54",
        "  weight: expected 1, received nothing of that name",
    ]
    with pytest.raises(AssertionError, match="2 calls with provider='ideogram', wanted one"):
        account.calls.assert_called_once(provider="ideogram")
    account.calls.assert_not_called(provider="fal")
    with pytest.raises(AssertionError, match="2 calls with detail=50, wanted none"):
        account.calls.assert_not_called(detail=50)


# Money


def test_the_wallet_counts_in_dollars_to_the_cent(stage: Stage) -> None:
    with stage.account(balance=0.2) as account:
        assert [call(stage, account).status_code for _ in range(4)] == [200, 200, 200, 402]
        assert (account.spend, account.balance) == (0.18, 0.02)
        assert [bill.dollars for bill in account.ledger] == [0.06] * 3
        assert account.ledger[0].call == "call_1"
        account.reset("ledger")
        assert (account.spend, account.balance, len(account.ledger)) == (0, 0.2, 0)
        account.settings(balance=1)
        assert account.balance == 1
        call(stage, account)
        account.settings(latency=0)
        assert account.balance == 0.94, "another setting leaves the wallet alone"


def test_billed_once_counts_work_and_not_calls(stage: Stage, account: Account) -> None:
    assert account.balance is None
    with pytest.raises(AssertionError, match="nothing was billed"):
        account.assert_billed_once()
    call(stage, account)
    call(stage, account, resemblance=1)
    call(stage, account, picture(width=50, height=50))
    account.assert_billed_once()
    account.faults.add(LoseReply(), on="ideogram.upscale")
    with pytest.raises(httpx.TransportError):
        call(stage, account, resemblance=2)
    call(stage, account, resemblance=2)
    with pytest.raises(AssertionError, match=r"ideogram.upscale was billed 2 times .*call_4 .*call_5"):
        account.assert_billed_once()


def test_what_was_returned_was_not_billed(stage: Stage, account: Account) -> None:
    call(stage, account)
    ledger = account.ledger
    assert ledger.kept == ledger.bills
    words = {
        "spent": 0,
        "balance": None,
        "charges": [
            {**_words(ledger[0]), "id": "a"},
            {**_words(ledger[0]), "id": "b"},
            {**_words(ledger[0]), "id": "c", "micros": -60_000, "refunds": "a"},
        ],
    }
    returned = type(ledger)(words)
    assert [bill.id for bill in returned.kept] == ["b"]


def _words(bill: object) -> dict[str, object]:
    return {name: getattr(bill, name) for name in type(bill).__dataclass_fields__}  # type: ignore[attr-defined]


# Time


def test_a_link_is_dead_a_day_later_at_once(stage: Stage, account: Account) -> None:
    url = call(stage, account).json()["data"][0]["url"]
    account.clock.advance(hours=23, minutes=59)
    assert stage.http.get(url).status_code == 200
    account.clock.advance(hours=25)
    assert stage.http.get(url).status_code == 403


def test_a_clock_stands_moves_and_runs_on(account: Account) -> None:
    at = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert account.clock.freeze(at) == at.timestamp()
    assert account.clock.now() == at.timestamp()
    assert account.clock.advance(days=1, seconds=1) == (at + timedelta(days=1, seconds=1)).timestamp()
    assert account.clock.set("2027-01-31T12:00:00+01:00") == at.timestamp() - 3600
    assert account.clock.now() == at.timestamp() - 3600
    assert account.clock.unfreeze() == pytest.approx(at.timestamp() - 3600, abs=1)
    assert account.clock.set(100) == pytest.approx(100, abs=1)
    assert 100 < account.clock.now() < 110
    account.reset("clock")
    assert account.clock.now() == pytest.approx(time.time(), abs=5)


def test_with_virtual_time_a_wait_is_over_at_once_and_written_down(stage: Stage) -> None:
    with stage.account(rate_limit=1, time="virtual") as account:
        begun = account.clock.now()
        first, refused, again = (call(stage, account) for _ in range(3))
        assert [first.status_code, refused.status_code, again.status_code] == [200, 429, 200]
        assert refused.headers["retry-after"] == "0"
        assert "retry-after-ms" not in refused.headers
        (waited,) = account.calls.waits()
        assert 0 < waited <= 60
        assert account.clock.now() == pytest.approx(begun + waited, abs=3)


def test_a_client_that_honours_milliseconds_is_told_one(stage: Stage) -> None:
    with stage.account(time="virtual") as account:
        account.faults.add(Fail(429, retry_after=2), on="ideogram.upscale")
        headers = {"x-stainless-lang": "python"}
        reply = upscale(stage, key=account.api_key("ideogram"), headers=headers)
        assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("0", "1")
        assert account.calls.waits() == [2]


def test_with_real_time_a_wait_is_asked_for_and_written_down(stage: Stage, account: Account) -> None:
    account.faults.add(Fail(429, retry_after=2))
    assert call(stage, account).headers["retry-after"] == "2"
    assert account.calls.waits() == [2]


# Links and jobs


def test_a_link_can_be_ended_renewed_and_purged(stage: Stage, account: Account) -> None:
    first, second = (call(stage, account).json()["data"][0]["url"] for _ in range(2))
    assert [link.url for link in account.links.list()] == [first, second]
    account.links.expire(first)
    assert [stage.http.get(url).status_code for url in (first, second)] == [403, 200]
    (renewed,) = account.links.renew(account.links.list()[0].id, seconds=60)
    assert renewed.url != first
    assert stage.http.get(renewed.url).status_code == 200
    account.clock.advance(seconds=61)
    assert stage.http.get(renewed.url).status_code == 403
    account.links.purge()
    assert [stage.http.get(url).status_code for url in (first, second)] == [404, 404]
    assert account.links.list() == []
    with pytest.raises(NotThere, match="no link 'x'; there are none"):
        account.links.expire("x")


def test_a_job_is_moved_stalled_and_failed(stage: Stage, account: Account) -> None:
    account.settings(options={"fal.queue_seconds": 60})
    with pytest.raises(LookupError, match="submit one first"):
        account.jobs.advance()
    job = submit(stage, account)
    assert [(one.id, one.stage) for one in account.jobs.list()] == [(job, "queued")]
    account.jobs.stall()
    account.clock.advance(hours=1)
    assert account.jobs.list()[0].stage == "queued"
    assert account.jobs.finish(job).stage == "done"
    assert account.spend == 0.06
    with pytest.raises(Misunderstood, match="has ended already"):
        account.jobs.stall(job)
    submit(stage, account)
    failed = account.jobs.fail(status=500, message="the model fell over")
    assert failed.error is not None
    assert failed.error["message"] == "the model fell over"
    assert account.spend == 0.06
    submit(stage, account)
    assert account.jobs.advance().stage == "running"
    assert account.spend == 0.06
    assert account.jobs.advance().stage == "done"
    assert account.spend == 0.12
    with pytest.raises(NotThere, match="no job 'x'; it has"):
        account.jobs.advance("x")


# Settings and reset


def test_settings_change_what_is_named_and_keep_the_rest(stage: Stage, account: Account) -> None:
    account.settings(link_ttl=60, options={"ideogram.vintage": "2026-10"})
    after = account.settings(latency=0.01, options={"ideogram.max_pixels": 1000})
    assert (after["link_ttl"], after["latency"]) == (60, 0.01)
    assert after["options"] == {"ideogram.vintage": "2026-10", "ideogram.max_pixels": 1000}
    assert account.settings(link_ttl=None)["link_ttl"] is None
    assert account.settings() == account.settings()
    assert call(stage, account).status_code == 400, "1,200 pixels are over the limit just set"


def test_a_reset_forgets_what_is_named(stage: Stage, account: Account) -> None:
    url = call(stage, account).json()["data"][0]["url"]
    account.reset("calls")
    assert (len(account.calls), account.spend) == (0, 0.06)
    account.reset()
    assert (account.spend, stage.http.get(url).status_code) == (0, 404)
    assert call(stage, account).json()["data"][0]["url"].partition("?")[0] == url.partition("?")[0], (
        "the dice begin anew"
    )
    with pytest.raises(Misunderstood, match="nothing called 'everything' can be reset"):
        account.reset("everything")
