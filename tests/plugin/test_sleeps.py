"""Sleeps: what the client sleeps is noted and skipped, what the server sleeps is the server's."""

from __future__ import annotations

import time
from collections.abc import Generator

import httpx
import pytest

from fauxscale import MockServer
from pytest_fauxscale.sleeps import Sleeps


@pytest.fixture
def sleeps() -> Generator[Sleeps]:
    made = Sleeps()
    made.install()
    yield made
    made.end()
    made.remove()


def test_a_client_s_sleep_is_noted_and_the_account_s_clock_moves_by_it(sleeps: Sleeps) -> None:
    with MockServer(listen=False) as mock:
        account = mock.account()
        account.clock.freeze(at=1_000)
        sleeps.begin(account)
        time.sleep(3_000)  # it is skipped
        assert [one.seconds for one in sleeps.noted or ()] == [3_000]
        assert account.clock.now() == 4_000


def test_a_server_s_sleep_is_not_the_client_s_in_whichever_thread(sleeps: Sleeps) -> None:
    with MockServer(listen=False) as mock:
        account = mock.account(latency=0.01)
        url, key = f"{account.base_url('lumenfall')}/models", account.api_key("lumenfall")
        sleeps.begin(account)
        with httpx.Client(transport=mock.transport()) as client:
            assert client.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert sleeps.noted == ()
