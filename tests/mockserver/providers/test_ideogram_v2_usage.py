"""GET /v2/account/usage sums up what was charged, in buckets that cover the time asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tests.calls.ideogram import upscale
from tests.calls.ideogram_v2 import Client
from tests.local_app import KEY, LocalApp, open_local_app
from tests.pictures import picture
from tests.stages import Stage

USAGE = "/v2/account/usage"
DAY = "2026-10-05"


@pytest.fixture
def client(stage: Stage) -> Client:
    client = Client(stage)
    client.account.clock.freeze(f"{DAY}T10:30:00+00:00")
    return client


@pytest.fixture
def local() -> Iterator[LocalApp]:
    yield from open_local_app()


def buckets(client: Client, **query: Any) -> list[dict[str, Any]]:
    reply = client.get(USAGE, params=query)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["buckets"]
    return found


def test_what_was_charged_is_listed_by_product_and_price(client: Client) -> None:
    for _ in range(2):
        client.upscale()
    client.upscale("topaz-standard-2")
    upscale(client.stage, request={"num_images": 3}, key=client.headers["Api-Key"])
    (bucket,) = buckets(client, start_time=f"{DAY}T00:00:00Z")
    assert (bucket["start_time"], bucket["end_time"]) == (
        f"{DAY}T00:00:00+00:00",
        "2026-10-06T00:00:00+00:00",
    )
    items = {one["product"]: one for one in bucket["line_items"]}
    assert set(items) == {"upscale_auto", "topaz_standard_v2_upscale", "upscale"}
    auto = items["upscale_auto"]
    assert (auto["endpoint"], auto["cost_total"]) == ("/v2/image/upscale/auto", "0.000576")
    assert auto["billed_units"] == {"unit": "image", "quantity": "2", "unit_price": "0.000288"}
    assert (auto["currency_code"], auto["source"]) == ("USD", "api")
    assert items["upscale"]["cost_total"] == "0.180000"
    assert items["upscale"]["billed_units"]["quantity"] == "3"


def test_buckets_cover_the_range_whether_or_not_anything_was_billed(client: Client) -> None:
    client.upscale()
    days = buckets(client, start_time="2026-10-03T12:00:00Z", end_time="2026-10-06T00:00:01Z")
    assert [one["start_time"][:10] for one in days] == [f"2026-10-0{day}" for day in (3, 4, 5, 6)]
    assert [len(one["line_items"]) for one in days] == [0, 0, 1, 0]
    hours = buckets(client, start_time=f"{DAY}T09:15:00+00:00", bucket_width="1h")
    assert [one["start_time"][11:16] for one in hours] == ["09:00", "10:00"]
    assert [len(one["line_items"]) for one in hours] == [0, 1]


def test_what_was_refunded_is_taken_off(local: LocalApp) -> None:
    now, key = local.freeze(), {"Api-Key": KEY}
    start = {"start_time": datetime.fromtimestamp(now, UTC).isoformat()}

    def billed() -> list[tuple[str, str]]:
        reply = local.ask("GET", USAGE, params=start, headers=key)
        items = [item for bucket in reply.json()["buckets"] for item in bucket["line_items"]]
        return [(one["cost_total"], one["billed_units"]["quantity"]) for one in items]

    def refund() -> None:
        charge = local.charges()[0]
        back = replace(charge, id="refund", micros=-charge.micros, images=-charge.images, refunds=charge.id)
        assert local.run(local.account.ledger.refund(back, None))

    for _ in range(2):
        local.ask("POST", "/v2/image/upscale/auto", files={"image": picture()}, headers=key)
    assert billed() == [("0.000576", "2")]
    refund()
    assert billed() == [("0.000288", "1")]


@pytest.mark.parametrize(
    ("query", "items"),
    [({}, 1), ({"sources": "api"}, 1), ({"sources": "app"}, 0), ({"sources": ["api", "app"]}, 1)],
)
def test_usage_is_chosen_by_its_source(client: Client, query: dict[str, Any], items: int) -> None:
    client.upscale()
    (bucket,) = buckets(client, start_time=f"{DAY}T00:00:00Z", **query)
    assert len(bucket["line_items"]) == items


def test_times_of_another_zone_are_understood(client: Client) -> None:
    (bucket,) = buckets(client, start_time=f"{DAY}T02:00:00+02:00")
    assert bucket["start_time"] == f"{DAY}T00:00:00+00:00"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start_time": ""},
        {"start_time": "yesterday"},
        {"start_time": "2026-10-05"},
        {"start_time": "2026-10-05T00:00:00"},
        {"start_time": "9999-12-31T23:59:59-12:00"},
        {"start_time": "2026-10-06T00:00:00Z", "end_time": "2026-10-05T00:00:00Z"},
        {"start_time": "2026-10-05T00:00:00Z", "end_time": "soon"},
        {"start_time": "2026-01-01T00:00:00Z"},
        {"start_time": "2026-09-01T00:00:00Z", "bucket_width": "1h"},
        {"start_time": "2026-10-05T00:00:00Z", "bucket_width": "1w"},
        {"start_time": "2026-10-05T00:00:00Z", "sources": "web"},
    ],
    ids=str,
)
def test_another_range_width_or_source_is_refused(client: Client, query: dict[str, str]) -> None:
    reply = client.get(USAGE, params=query)
    assert reply.status_code == 400
    assert set(reply.json()) == {"error"}


def test_the_longest_ranges_are_accepted(client: Client) -> None:
    assert len(buckets(client, start_time="2026-07-05T00:00:00Z", end_time="2026-10-05T00:00:00Z")) == 92
    week = {"start_time": "2026-09-28T00:00:00Z", "end_time": "2026-10-05T00:00:00Z", "bucket_width": "1h"}
    assert len(buckets(client, **week)) == 168


def test_usage_is_the_accounts_own(stage: Stage, client: Client) -> None:
    client.upscale()
    other = Client(stage)
    other.account.clock.freeze(f"{DAY}T10:30:00+00:00")
    assert buckets(other, start_time=f"{DAY}T00:00:00Z")[0]["line_items"] == []
