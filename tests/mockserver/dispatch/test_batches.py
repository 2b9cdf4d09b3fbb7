"""How often a call asks the store: once to enter, once to pay, once to leave, as long as nothing changed."""

from __future__ import annotations

import httpx

from fauxscale import MockServer, SameSize
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.store import MemoryStore
from tests.calls.aigateway import MODEL
from tests.pictures import picture


class CountingStore(MemoryStore):
    """Counts the batches of calls."""

    batches = 0

    async def run(self, batch: Batch) -> BatchOutcome:
        self.batches += 1
        return await super().run(batch)


def test_an_upload_is_three_batches_a_download_and_a_list_are_two_and_a_change_costs_one_more() -> None:
    store = CountingStore()
    with MockServer(store=store) as mock, httpx.Client() as http:
        account = mock.account(balance=10)
        ideogram = {"Api-Key": account.api_key("ideogram")}
        gateway = {"Authorization": f"Bearer {account.api_key('aigateway')}"}

        def counted(method: str, url: str, **options: object) -> tuple[int, httpx.Response]:
            before = store.batches
            reply = http.request(method, url, **options)  # type: ignore[arg-type]  # httpx's own
            assert reply.status_code == 200, reply.text
            return store.batches - before, reply

        def upload() -> tuple[int, httpx.Response]:
            form = {"image_file": picture(), "image_request": b"{}"}
            return counted("POST", f"{mock.base_url('ideogram')}/upscale", files=form, headers=ideogram)

        def models() -> int:
            return counted("GET", f"{mock.base_url('aigateway')}/models", headers=gateway)[0]

        upload()
        models()
        uploaded, reply = upload()
        link = reply.json()["data"][0]["url"]
        counted("GET", link)
        assert (uploaded, counted("GET", link)[0], models()) == (3, 2, 2)

        account.settings(latency=0.0)
        assert models() == 3
        assert models() == 2
        account.faults.add(SameSize(), on="ideogram.upscale")
        assert [upload()[0] for _ in range(2)] == [4, 3]


def test_an_address_of_many_segments_is_looked_up_a_few_times_only() -> None:
    store = CountingStore()
    with MockServer(store=store) as mock, httpx.Client() as http:
        account = mock.account()
        headers = {"Authorization": f"Bearer {account.api_key('aigateway')}"}
        body = {"model": MODEL, "prompt": "x", "image": "https://pictures.test" + "/a" * 500}
        before = store.batches
        reply = http.post(f"{mock.base_url('aigateway')}/images/generations", json=body, headers=headers)
        assert reply.status_code == 400
        assert store.batches - before < 20
