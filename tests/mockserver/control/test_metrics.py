"""Metrics: what a worker has done since its start, as Prometheus itself reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from fauxscale import Fail, MockServer
from tests.calls.ideogram import upscale
from tests.judging import JudgedClient
from tests.stages import Stage

METRICS = "/__fauxscale/api/metrics"


def read(stage: Stage) -> dict[str, float]:
    """Every sample, under its name and its labels but the worker."""
    reply = stage.http.get(stage.url + METRICS)
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [one for family in text_string_to_metric_families(reply.text) for one in family.samples]
    assert all(one.labels.pop("worker").isdigit() for one in samples)
    return {
        ".".join((one.name.removeprefix("fauxscale_"), *one.labels.values())): one.value for one in samples
    }


def test_calls_refusals_money_bytes_renderings_and_the_store_are_counted() -> None:
    with MockServer() as mock, JudgedClient() as http:
        stage = Stage("socket", mock, http)
        before = read(stage)
        account = mock.account(balance=0.12)
        key = account.api_key("ideogram")
        replies = [upscale(stage, key=key) for _ in range(3)]
        assert [one.status_code for one in replies] == [200, 200, 402]
        picture = http.get(replies[0].json()["data"][0]["url"])
        account.faults.add(Fail(503))
        upscale(stage, key=key)
        counted = read(stage)
    of = "ideogram.ideogram.upscale"
    assert {
        name: value for name, value in counted.items() if "ideogram" in name and "seconds" not in name
    } == {
        f"calls_total.{of}.200": 2,
        f"calls_total.{of}.402": 1,
        f"calls_total.{of}.503": 1,
        "calls_total.ideogram.ideogram.download.200": 1,
        f"refusals_total.{of}.no_funds": 1,
        f"refusals_total.{of}.unavailable": 1,
        f"charged_dollars_total.{of}": 0.12,
    }
    assert counted[f"call_seconds_total.{of}"] > 0
    assert counted["received_bytes_total"] == 4 * int(replies[0].request.headers["content-length"])
    assert counted["sent_bytes_total"] > len(picture.content)
    assert (counted["renderings_total"], counted["renderings_pending"]) == (1, 0)
    assert counted["store_batches_total"] > before["store_batches_total"]
    assert counted["store_seconds_total"] > before["store_seconds_total"]


def test_a_reset_takes_no_count_back() -> None:
    with MockServer() as mock, JudgedClient() as http:
        stage = Stage("socket", mock, http)
        upscale(stage, key=mock.account().api_key("ideogram"))
        mock.reset()
        assert read(stage)["calls_total.ideogram.ideogram.upscale.200"] == 1
