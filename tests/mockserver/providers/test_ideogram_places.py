"""Ideogram counts images in flight, over all operations of an account: ten places, and four for a call of four."""

from __future__ import annotations

import threading

import httpx

from fauxscale.client import AccountHandle
from tests.calls.ideogram import SAMPLES
from tests.holding import delays_held
from tests.stages import PATIENCE, Stage


def send(stage: Stage, account: AccountHandle, name: str, count: int) -> httpx.Response:
    key = account.api_key("ideogram")
    sample, base = SAMPLES[name], stage.base_url("ideogram")
    if sample.json:
        return sample.send(stage.http, base, key, **sample.asked(num_images=count))
    return sample.send(stage.http, base, key, num_images=str(count))


class Held:
    """Calls that stay in flight after they were paid for, until the delays of the server end."""

    def __init__(self, stage: Stage, account: AccountHandle) -> None:
        self._stage, self._account = stage, account
        self._threads: list[threading.Thread] = []
        self.replies: list[httpx.Response] = []

    def begin(self, name: str, count: int) -> None:
        before = len(self._account.ledger)

        def run() -> None:
            self.replies.append(send(self._stage, self._account, name, count))

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()
        while len(self._account.ledger) == before:
            assert self._threads[-1].is_alive(), self.replies

    def end(self) -> list[int]:
        for thread in self._threads:
            thread.join(30 * PATIENCE)
        return [reply.status_code for reply in self.replies]


def test_a_third_call_of_three_is_one_too_many_after_two_of_four(stage: Stage) -> None:
    account = stage.account(latency=1)
    with delays_held():
        held = Held(stage, account)
        held.begin("v3_generate", 4)
        held.begin("upscale", 4)
        refused = send(stage, account, "v3_remix", 3)
        assert refused.status_code == 429
        assert "10 images" in refused.headers["x-fauxscale-reason"]
        held.begin("generate", 2)
        assert send(stage, account, "describe", 1).status_code == 429, "the eleventh, of whatever kind"
        assert send(stage, stage.account(), "v3_generate", 8).status_code == 200, (
            "another account has its own"
        )
    assert held.end() == [200, 200, 200]
    assert len(account.ledger) == 3
    assert send(stage, account, "v3_generate", 8).status_code == 200, "the places are free again"


def test_money_is_asked_for_before_places(stage: Stage) -> None:
    poor = stage.account(balance=0.05, in_flight=2)
    assert send(stage, poor, "v3_generate", 8).status_code == 402
    rich = stage.account(balance=5, in_flight=2)
    assert send(stage, rich, "v3_generate", 8).status_code == 429
    assert rich.spend == 0


def test_an_account_may_be_given_other_places(stage: Stage) -> None:
    account = stage.account(in_flight=3)
    assert send(stage, account, "v3_generate", 3).status_code == 200
    assert send(stage, account, "v3_generate", 4).status_code == 429
