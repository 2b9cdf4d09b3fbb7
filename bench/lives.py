"""How long MockServer takes to start (until calls are answered) and to stop, once imported."""

from __future__ import annotations

import http.client
import statistics
import time

from fauxscale import MockServer

LIVES = 200


def main() -> None:
    starts: list[float] = []
    stops: list[float] = []
    for _ in range(LIVES):
        mock = MockServer()
        before = time.perf_counter()
        mock.start()
        ready = time.perf_counter()
        connection = http.client.HTTPConnection(mock.url.removeprefix("http://"))
        connection.request("GET", "/__fauxscale/api/health")
        connection.getresponse().read()
        leaving = time.perf_counter()
        mock.stop()
        starts.append((ready - before) * 1000)
        stops.append((time.perf_counter() - leaving) * 1000)
        connection.close()
    print(
        f"MockServer, {LIVES} lives, ms: median / 99th percentile (stock uvicorn polls: its stop takes 200)"
    )
    for name, times in (("start", starts), ("stop", stops)):
        print(f"  {name:5}  {statistics.median(times):5.1f} / {statistics.quantiles(times, n=100)[98]:5.1f}")
