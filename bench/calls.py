"""One call in this process, without a socket, against httpx.MockTransport; and what a new account costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import httpx

from bench.ratios import compare
from fauxscale import MockServer

ROUNDS = 15
CALLS = 200
REQUIRED, HOPED = 3.0, 1.5
ACCOUNT_MS = 0.2


def _rate(client: httpx.Client, url: str, headers: dict[str, str]) -> Callable[[], float]:
    def run() -> float:
        began = time.process_time()  # of all threads: the server's is another than the caller's
        for _ in range(CALLS):
            if client.get(url, headers=headers).status_code != 200:
                raise SystemExit("the call failed")
        return CALLS / (time.process_time() - began)

    return run


def main() -> None:
    def canned(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"object": "list", "data": [{"id": "a", "owned_by": "b"}]})

    with MockServer(listen=False) as mock:
        account = mock.account()
        headers = {"authorization": f"Bearer {account.api_key('lumenfall')}"}
        url = mock.base_url("lumenfall") + "/models"
        with (
            httpx.Client(transport=mock.transport()) as ours,
            httpx.Client(transport=httpx.MockTransport(canned)) as theirs,
        ):
            rivals = {"MockTransport": _rate(theirs, url, {}), "fauxscale": _rate(ours, url, headers)}
            times = 1 / compare(rivals, rounds=ROUNDS, reference="MockTransport")["fauxscale"]
        took: list[float] = []
        for _ in range(CALLS):
            began = time.perf_counter()
            mock.account()
            took.append(time.perf_counter() - began)
    print(
        f"CPU of a call in this process, httpx.MockTransport = 1.00: required {REQUIRED}, hoped for {HOPED}"
    )
    print(f"  fauxscale   {times:5.2f}")
    print(f"account(), ms: at most {ACCOUNT_MS}")
    print(f"  median      {1000 * statistics.median(took):5.2f}")
