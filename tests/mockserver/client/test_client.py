"""The account handle: where clients go, what they asked, what it cost, what time it is."""

from __future__ import annotations

import base64
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from fauxscale import Delay, Fail, Fault, Hang, LoseReply, MockServer, Settings, SlowDrip, Truncate
from fauxscale.client import AccountHandle, InvalidRequest, NotFound
from fauxscale.interception.forward import Forward
from tests.calls.ideogram import upscale
from tests.holding import delays_held
from tests.pictures import picture
from tests.stages import PATIENCE, Stage

pytestmark = pytest.mark.every_mode


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


def call(
    stage: Stage, account: AccountHandle, image: bytes | None = None, **request: object
) -> httpx.Response:
    return upscale(stage, image, request, key=account.api_key("ideogram"))


def submit(stage: Stage, account: AccountHandle) -> str:
    source = base64.b64encode(picture()).decode()
    reply = stage.http.post(
        f"{stage.url}/fal/queue/fal-ai/ideogram/upscale",
        json={"image_url": f"data:image/png;base64,{source}"},
        headers={"Authorization": f"Key {account.api_key('fal')}"},
    )
    return str(reply.json()["request_id"])


# Where clients go


def test_the_environment_points_clients_here(stage: Stage, account: AccountHandle) -> None:
    variables = account.env()
    assert variables["IDEOGRAM_BASE_URL"] == account.base_url("ideogram") == f"{stage.url}/ideogram"
    assert variables["IDEOGRAM_API_KEY"] == account.api_key("ideogram")
    assert variables["FAL_QUEUE_URL"] == f"{stage.url}/fal/queue"
    assert variables["LUMENFALL_API_KEY"].startswith("lmnfl_")
    assert set(account.env("ideogram")) == {"IDEOGRAM_BASE_URL", "IDEOGRAM_API_KEY"}


@pytest.mark.parametrize("ask", [AccountHandle.base_url, AccountHandle.api_key, AccountHandle.env])
def test_an_unknown_provider_is_told_the_known_ones(account: AccountHandle, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match="choose from ideogram"):
        ask(account, "unknown")


def test_a_deleted_account_s_key_opens_nothing() -> None:
    with MockServer(listen=False) as mock:
        with mock.account() as account:
            assert repr(account) == "<account acct_1 at http://fauxscale.localhost>"
        with pytest.raises(NotFound, match="deleted"):
            account.calls  # pyright: ignore[reportUnusedExpression]  # reading it is the test


# How the handle asks


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What a proxy that the environment names for everything was sent."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        seen.append(peer.recv(65536))

        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        thread = threading.Thread(target=serve)
        thread.start()
        yield seen
        thread.join()


def test_no_proxy_is_shown_a_control_call_or_its_token(proxy: list[bytes]) -> None:
    with MockServer(Settings(token="secret")) as mock, mock.account() as account:
        assert len(account.calls) == 0
        with Forward(mock.url) as there:
            request = httpx.Request("GET", "https://api.ideogram.ai/__fauxscale/api/health")
            assert there.handle_request(request).status_code in (200, 401, 404)
    assert proxy == []


def test_control_calls_do_not_show_among_the_program_s_own(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with stage.account() as account:
        account.calls.waits()
    assert caplog.records == []


# What was asked


def test_a_call_is_typed_down_to_its_parameters(stage: Stage, account: AccountHandle) -> None:
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


def test_calls_are_a_sequence_and_reads_of_links_are_apart(stage: Stage, account: AccountHandle) -> None:
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


def test_a_retry_knows_what_it_repeats(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(503), times=2)
    call(stage, account)
    call(stage, account, picture(width=300, height=200))
    call(stage, account)
    call(stage, account, picture(width=300, height=200))
    call(stage, account)
    assert [one.retry_of for one in account.calls] == [None, None, "call_1", "call_2", None]


@pytest.mark.parametrize(
    ("fault", "timeout"),
    [
        (LoseReply(), 30),
        (LoseReply("close", at=20), 30),
        (LoseReply("reset", at=20), 30),
        (LoseReply("hang", at=20), PATIENCE),
        (SlowDrip(2, pieces=20), 30),
        (Delay(2 * PATIENCE), PATIENCE),
        (Hang(), PATIENCE),
    ],
    ids=str,
)
def test_a_call_whose_reply_did_not_arrive_is_not_ok_and_the_next_its_retry(
    stage: Stage, account: AccountHandle, fault: Fault, timeout: float
) -> None:
    account.faults.add(fault, on="ideogram.upscale")
    url = f"{stage.base_url('ideogram')}/upscale"
    sent: dict[str, Any] = {
        "files": {"image_file": picture(), "image_request": (None, "{}")},
        "headers": {"Api-Key": account.api_key("ideogram")},
    }
    with pytest.raises(httpx.TransportError):
        # The body is read piece by piece; each piece that comes puts a time-out off.
        with stage.http.stream("POST", url, timeout=timeout, **sent) as reply:
            for _ in reply.iter_raw():
                if isinstance(fault, SlowDrip):
                    raise httpx.ReadTimeout("enough")
    stage.http.post(url, **sent)
    first, second = account.calls.wait_for(2, timeout=60)
    until = time.monotonic() + 60
    while first.ok and time.monotonic() < until:  # a dripping reply is journalled before its client leaves
        first, second = account.calls
    assert (first.ok, second.ok) == (False, True)
    assert second.retry_of == first.id


def test_a_reply_that_dripped_to_its_end_arrived(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(SlowDrip(0.05, pieces=2), on="ideogram.upscale")
    call(stage, account)
    assert account.calls.last.ok


def test_a_download_that_breaks_off_is_not_ok(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Truncate(at=10), on="ideogram")
    url = call(stage, account).json()["data"][0]["url"]
    with pytest.raises(httpx.TransportError):
        stage.http.get(url)
    stage.http.get(url)
    broken, whole = account.calls.downloads
    assert (broken.ok, whole.ok, whole.retry_of) == (False, True, broken.id)
    assert str(broken) == "call_2 ideogram.download 200 did not arrive fault Truncate"


def test_a_call_beside_another_repeats_nothing(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Delay(1))
    account.faults.add(Fail(503))
    with ThreadPoolExecutor() as pool, delays_held() as release:
        failing = pool.submit(call, stage, account)
        while not account.faults.list()[1].applied:
            pass
        assert call(stage, account).status_code == 200
        release()
        assert failing.result().status_code == 503
    assert [one.retry_of for one in account.calls] == [None, None]


def test_the_most_calls_in_flight_are_counted(stage: Stage, account: AccountHandle) -> None:
    call(stage, account)
    assert account.calls.max_in_flight == 1
    account.faults.add(Delay(1), times=3)
    with ThreadPoolExecutor(3) as pool, delays_held() as release:
        calls = [pool.submit(call, stage, account) for _ in range(3)]
        while account.faults.list()[0].applied < 3:
            pass
        release()
        assert [one.result().status_code for one in calls] == [200] * 3
    assert account.calls.max_in_flight == 3


@pytest.mark.parametrize("wanted", [{"status": 200}, {"image_size": (40, 30)}], ids=str)
def test_waiting_ends_with_the_call_or_tells_what_came_instead(
    stage: Stage, account: AccountHandle, wanted: dict[str, object]
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(account.calls.wait_for, 1, 60, **wanted)
        time.sleep(0.03)
        call(stage, account)
        assert waiting.result()[0].id == "call_1"
    with pytest.raises(AssertionError, match=r"1 of 2 calls with .* arrived within 0.05 s:\n  call_1"):
        account.calls.wait_for(2, timeout=0.05, **wanted)


def test_called_once_shows_the_nearest_call_and_each_difference(stage: Stage, account: AccountHandle) -> None:
    with pytest.raises(AssertionError, match="there were no calls"):
        account.calls.assert_called_once()
    call(stage, account, resemblance=54)
    call(stage, account, picture(width=64, height=48), resemblance=10)
    account.calls.assert_called_once(provider="ideogram", image_size=(40, 30), resemblance=54)
    with pytest.raises(AssertionError) as failed:
        account.calls.assert_called_once(provider="ideogram", image_size=(40, 30), resemblance=55, seed=1)
    assert str(failed.value).splitlines() == [
        "no call with provider='ideogram', image_size=(40, 30), resemblance=55, seed=1 among 2. The closest was",
        "  call_1 ideogram.upscale 200 PNG 40x30 $0.06",
        "which differs in:",
        "  resemblance: expected 55, received 54",
        "  seed: expected 1, received no such parameter",
    ]
    with pytest.raises(AssertionError, match="2 calls with provider='ideogram', expected one"):
        account.calls.assert_called_once(provider="ideogram")
    account.calls.assert_not_called(provider="fal")
    with pytest.raises(AssertionError, match="2 calls with detail=50, expected none"):
        account.calls.assert_not_called(detail=50)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"operation": "ideogram.*"}, ["call_1", "call_3"]),
        ({"operation": "*.upscale", "fault": "Fail"}, ["call_3"]),
        ({"fault": "Delay"}, []),
        ({"kind": "api"}, ["call_1", "call_3"]),
        ({"kind": "download"}, ["call_2"]),
        ({"kind": "download", "operation": "fal.*"}, []),
        ({"seed": 7}, []),
    ],
    ids=str,
)
def test_filters_mean_here_what_they_mean_to_the_control_api(
    stage: Stage, account: AccountHandle, wanted: dict[str, object], ids: list[str]
) -> None:
    stage.http.get(call(stage, account).json()["data"][0]["url"])
    account.faults.add(Fail(503))
    call(stage, account)
    assert [one.id for one in account.calls.where(**wanted)] == ids
    assert [one.id for one in account.calls.wait_for(len(ids), timeout=1, **wanted)] == ids
    if "seed" not in wanted:
        query = urlencode({"kind": "api", **wanted})
        rows = stage.mock.client.call("GET", f"/accounts/{account.id}/calls?{query}")["calls"]
        assert [row["id"] for row in rows] == ids


def test_a_misspelt_filter_is_told_the_known_ones_whatever_was_called(
    stage: Stage, account: AccountHandle
) -> None:
    calls = account.calls
    for ask in (calls.assert_not_called, calls.assert_called_once, calls.where, calls.wait_for):
        with pytest.raises(
            ValueError, match=r"'stauts', did you mean 'status'\? choose from kind, .*resemblance"
        ):
            ask(stauts=200)
    calls.assert_not_called(scale_factor=2)
    call(stage, account)
    with pytest.raises(ValueError, match="stauts"):
        account.calls.assert_not_called(stauts=200)


def test_a_refused_live_call_is_no_call_that_was_waited_for(stage: Stage, account: AccountHandle) -> None:
    words = {"host": "api.ideogram.ai", "reason": "refused"}
    stage.mock.client.call("POST", f"/accounts/{account.id}/refusals", words)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(account.calls.wait_for, 1, 60)
        time.sleep(0.03)
        call(stage, account)
        assert waiting.result()[0].operation == "ideogram.upscale"
    assert account.refusals_read == 0
    assert len(account.calls.refused) == account.refusals_read == 1


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


def test_billed_once_counts_work_and_not_calls(stage: Stage, account: AccountHandle) -> None:
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


def test_what_was_returned_was_not_billed(stage: Stage, account: AccountHandle) -> None:
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
    return {name: getattr(bill, name) for name in type(bill).__struct_fields__}  # type: ignore[attr-defined]  # any Struct has them


# Time


def test_a_link_is_dead_a_day_later_at_once(stage: Stage, account: AccountHandle) -> None:
    url = call(stage, account).json()["data"][0]["url"]
    account.clock.advance(hours=23, minutes=59)
    assert stage.http.get(url).status_code == 200
    account.clock.advance(hours=25)
    assert stage.http.get(url).status_code == 403


def test_a_clock_stands_moves_and_runs_on(account: AccountHandle) -> None:
    at = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert account.clock.freeze(at) == at.timestamp()
    assert account.clock.now() == at.timestamp()
    assert account.clock.advance(days=1, seconds=1) == (at + timedelta(days=1, seconds=1)).timestamp()
    assert account.clock.set("2027-01-31T12:00:00+01:00") == at.timestamp() - 3600
    assert account.clock.now() == at.timestamp() - 3600
    assert account.clock.unfreeze() == pytest.approx(at.timestamp() - 3600, abs=1)
    assert account.clock.set(100) == pytest.approx(100, abs=1)
    assert 100 < account.clock.now() < 160
    account.reset("clock")
    assert account.clock.now() == pytest.approx(time.time(), abs=60)


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


def test_with_real_time_a_wait_is_asked_for_and_written_down(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(429, retry_after=2))
    assert call(stage, account).headers["retry-after"] == "2"
    assert account.calls.waits() == [2]


# Links and jobs


def test_a_link_can_be_ended_renewed_and_purged(stage: Stage, account: AccountHandle) -> None:
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
    with pytest.raises(NotFound, match="no link 'x'; there are none"):
        account.links.expire("x")


def test_a_job_is_moved_stalled_and_failed(stage: Stage, account: AccountHandle) -> None:
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
    with pytest.raises(InvalidRequest, match="has ended already"):
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
    with pytest.raises(NotFound, match="no job 'x'; it has"):
        account.jobs.advance("x")


# Settings and reset


def test_settings_change_what_is_named_and_keep_the_rest(stage: Stage, account: AccountHandle) -> None:
    account.settings(link_ttl=60, options={"ideogram.api_version": "2026-10"})
    after = account.settings(latency=0.01, options={"ideogram.max_pixels": 1000})
    assert (after["link_ttl"], after["latency"]) == (60, 0.01)
    assert after["options"] == {"ideogram.api_version": "2026-10", "ideogram.max_pixels": 1000}
    assert account.settings(link_ttl=None)["link_ttl"] is None
    assert account.settings() == account.settings()
    assert call(stage, account).status_code == 400, "1,200 pixels are over the limit just set"


def test_a_reset_forgets_what_is_named(stage: Stage, account: AccountHandle) -> None:
    url = call(stage, account).json()["data"][0]["url"]
    account.reset("calls")
    assert (len(account.calls), account.spend) == (0, 0.06)
    account.reset()
    assert (account.spend, stage.http.get(url).status_code) == (0, 404)
    assert call(stage, account).json()["data"][0]["url"].partition("?")[0] == url.partition("?")[0], (
        "the dice begin anew"
    )
    with pytest.raises(InvalidRequest, match="cannot reset 'everything'"):
        account.reset("everything")
