"""A server on a store that knows nothing but JSON does all it does on one that keeps objects."""

from __future__ import annotations

import httpx

from fauxscale import Delay, Fail, MockServer
from fauxscale_contracts.contract.bodies import picture_as_text
from tests.calls.ideogram import upscale
from tests.judging import JudgedClient
from tests.mockserver.state.encoding_store import EncodingStore
from tests.pictures import opened, picture
from tests.stages import Stage

QUEUE = "/fal/queue/fal-ai/ideogram/upscale"


def test_a_server_stands_on_a_store_of_json() -> None:
    with MockServer(store=EncodingStore()) as mock, JudgedClient(timeout=30) as http:
        account = mock.account(balance=1, options={"fal.queue_seconds": 10})
        stage = Stage("socket", mock, http)
        account.faults.script([Fail(429, retry_after=2), Delay(0)])
        replies = [upscale(stage, key=account.api_key("ideogram")) for _ in range(3)]
        assert [one.status_code for one in replies] == [429, 200, 200]
        link = str(replies[2].json()["data"][0]["url"])
        sent_size = opened(picture()).size
        assert opened(http.get(link).content).size == (2 * sent_size[0], 2 * sent_size[1])

        headers = {"Authorization": f"Key {account.api_key('fal')}"}
        body = {"image_url": picture_as_text(picture(), "image/png")}
        sent: list[httpx.Response] = [
            http.post(f"{stage.url}{QUEUE}", json=body, headers=headers) for _ in range(2)
        ]
        account.jobs.fail(sent[1].json()["request_id"], status=500)
        account.clock.advance(seconds=11)
        results = [http.get(one.json()["response_url"], headers=headers).status_code for one in sent]
        assert results == [200, 500]
        assert account.ledger.spend == 0.18
        account.links.expire(link)
        assert http.get(link).status_code == 403
        account.reset()
        assert (list(account.calls), account.ledger.spend, list(account.links.list())) == ([], 0, [])
