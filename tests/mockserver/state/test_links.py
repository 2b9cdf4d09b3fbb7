"""What links lead to is kept while they live and let go of afterwards."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from fauxscale import MockServer
from fauxscale.settings import Settings
from fauxscale.state import account as module
from fauxscale.state import links
from fauxscale.state.store import MemoryStore
from fauxscale_contracts.contract.bodies import picture_as_text
from tests.calls.ideogram import upscale
from tests.judging import JudgedClient
from tests.pictures import picture
from tests.stages import Stage


@pytest.fixture
def swept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is dead goes with the next upload, however young."""
    monkeypatch.setattr(module, "SWEEP_EVERY", 1)
    monkeypatch.setattr(module, "SWEEP_AFTER", 0)


@pytest.mark.usefixtures("swept_at_once")
def test_uploads_that_only_dead_links_lead_to_are_let_go_and_the_links_go_on_saying_they_expired(
    stage: Stage,
) -> None:
    account = stage.account(link_ttl=100)
    key = account.api_key("ideogram")
    old = upscale(stage, key=key).json()["data"][0]["url"]
    account.clock.advance(seconds=3701)
    new = upscale(stage, key=key).json()["data"][0]["url"]
    assert stage.http.get(new).status_code == 200
    expired = stage.http.get(old)
    assert (expired.status_code, "expired" in expired.headers["x-fauxscale-reason"]) == (403, True)
    account.clock.advance(seconds=-3702)
    gone = stage.http.get(old)
    assert (gone.status_code, "purged" in gone.headers["x-fauxscale-reason"]) == (404, True)


@pytest.mark.usefixtures("swept_at_once")
def test_an_upload_is_kept_while_any_link_to_it_lives(stage: Stage) -> None:
    account = stage.account(link_ttl=10_000)
    key = account.api_key("ideogram")
    url = upscale(stage, key=key).json()["data"][0]["url"]
    account.clock.advance(seconds=9_900)
    upscale(stage, key=key)
    assert stage.http.get(url).status_code == 200


@pytest.mark.usefixtures("swept_at_once")
def test_an_upload_is_kept_while_another_of_its_results_was_renewed(stage: Stage) -> None:
    account = stage.account(link_ttl=10)
    key = account.api_key("ideogram")
    upscale(stage, request={"num_images": 2}, key=key)
    _, second = account.links.list()
    (renewed,) = account.links.renew(second.id, seconds=100_000)
    account.clock.advance(hours=2)
    for _ in range(3):
        upscale(stage, key=key)
    assert stage.http.get(renewed.url).status_code == 200


def test_a_clock_that_was_moved_and_set_back_takes_no_link_along(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 1)
    account = stage.account()
    key = account.api_key("ideogram")
    url = upscale(stage, key=key).json()["data"][0]["url"]
    account.clock.advance(hours=26)
    for _ in range(3):
        upscale(stage, key=key)
    account.reset("clock")
    assert stage.http.get(url).status_code == 200


@pytest.mark.parametrize("how", ["reset", "sweep"])
def test_a_double_payment_is_found_after_its_uploads_were_let_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 3)
    monkeypatch.setattr(module, "SWEEP_AFTER", 0)
    account = stage.account(link_ttl=10)
    key = account.api_key("ideogram")
    upscale(stage, key=key)
    upscale(stage, key=key)
    if how == "reset":
        account.reset("links")
    else:
        account.clock.advance(hours=1)
        upscale(stage, request={"seed": 7}, key=key)
    with pytest.raises(AssertionError, match="billed 2 times"):
        account.assert_billed_once()


def test_the_oldest_links_are_purged_beyond_the_most_and_their_charges_stay(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 2)
    monkeypatch.setattr(links, "MOST", 5)
    account = stage.account()
    key = account.api_key("ideogram")
    urls = [upscale(stage, key=key).json()["data"][0]["url"] for _ in range(12)]
    assert [stage.http.get(url).status_code for url in urls] == [404] * 7 + [200] * 5
    assert "purged" in stage.http.get(urls[0]).headers["x-fauxscale-reason"]
    assert len(account.ledger) == 12
    assert account.ledger.spend == pytest.approx(0.72)
    assert len({bill.fingerprint for bill in account.ledger}) == 1
    with pytest.raises(AssertionError, match="billed 12 times"):
        account.assert_billed_once()


def test_what_is_kept_of_an_account_grows_no_more_once_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 4)
    monkeypatch.setattr(links, "MOST", 20)
    store = MemoryStore()
    with MockServer(Settings(journal_entries=10), store=store) as mock, JudgedClient(timeout=30) as http:
        stage = Stage("socket", mock, http)
        key = mock.account().api_key("ideogram")
        sizes: list[int] = []
        for _ in range(3):
            for _ in range(40):
                upscale(stage, key=key)
            sizes.append(len(store.keys()))
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_double_payment_is_found_though_the_first_was_due_later_and_its_upload_let_go(stage: Stage) -> None:
    account = stage.mock.account(options={"fal.queue_seconds": 10})
    account.clock.freeze()
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    body = {"image_url": picture_as_text(picture(), "image/png")}

    def submit() -> None:
        stage.http.post(f"{stage.url}/fal/queue/fal-ai/ideogram/upscale", json=body, headers=headers)

    submit()
    account.reset("links")
    submit()
    account.clock.advance(seconds=20)
    with pytest.raises(AssertionError, match="billed 2 times"):
        account.assert_billed_once()


def test_a_call_that_finds_the_money_spent_leaves_no_link_and_no_charge() -> None:
    class Slow(MemoryStore):
        """Lets other calls go on while an upload is stored, as one on a disk or in a network does."""

        async def put_blob(self, key: str, data: bytes, *, life: float | None = 60.0) -> None:
            await asyncio.sleep(0.05)
            await super().put_blob(key, data, life=life)

    with MockServer(store=Slow()) as mock:
        account = mock.account(balance=0.06)
        stage = Stage("socket", mock, JudgedClient(timeout=30))
        with ThreadPoolExecutor(4) as pool, stage.http:
            sent = [pool.submit(upscale, stage, key=account.api_key("ideogram")) for _ in range(4)]
            statuses = sorted(one.result().status_code for one in sent)
        assert statuses == [200, 402, 402, 402]
        assert len(account.links.list()) == 1
        refused = [call for call in account.calls if call.status == 402]
        assert [(call.charge, call.results, call.cost) for call in refused] == [("", (), 0)] * 3
