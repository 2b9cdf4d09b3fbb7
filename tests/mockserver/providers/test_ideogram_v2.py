"""v2 upscales by its models, answers at once or when it is polled, quotes for nothing and charges what was quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PIL import Image, ImageChops

from fauxscale import UnsafeImage
from fauxscale.providers.ideogram import PROVIDER
from fauxscale.state.rate_limits import Limited
from tests.calls.ideogram_v2 import Client
from tests.local_app import KEY, LocalApp, open_local_app
from tests.pictures import opened, picture
from tests.stages import Stage

MIB = 1024 * 1024
ID = r"[A-Za-z0-9_-]{22}"
MODELS = (
    "auto",
    "topaz-standard-2",
    "topaz-text-refine",
    "topaz-bloom-2",
    "topaz-redefine",
    "topaz-wonder-3-5",
    "nano-banana-pro",
)


@pytest.fixture
def local() -> Iterator[LocalApp]:
    yield from open_local_app()


@pytest.fixture
def client(stage: Stage) -> Client:
    return Client(stage)


# What the real service quoted for a picture of 1024 x 1024 with default options (qmediat/ideogram-mcp, 2026-10-10).
QUOTES = (
    ("auto", 251_659, 25_166, "upscale_auto"),
    ("nano-banana-pro", 134_400, 13_440, "nano_banana_pro_upscale"),
    ("topaz-bloom-2", 377_488, 37_749, "topaz_bloom_2_upscale"),
    ("topaz-redefine", 251_659, 25_166, "topaz_redefine_upscale"),
    ("topaz-standard-2", 125_830, 12_583, "topaz_standard_v2_upscale"),
    ("topaz-text-refine", 125_830, 12_583, "topaz_text_refine_upscale"),
    ("topaz-wonder-3-5", 251_659, 25_166, "topaz_wonder_3_5_upscale"),
)


@pytest.mark.parametrize(("upscaler", "micros", "credits", "product"), QUOTES)
def test_a_dry_run_quotes_what_the_real_service_quoted(
    client: Client, upscaler: str, micros: int, credits: int, product: str
) -> None:
    quote = client.upscale(upscaler, picture(width=1024, height=1024), dry_run="true")
    assert quote.status_code == 200
    assert quote.json() == {
        "object": "price_quote",
        "billing_identifier": product,
        "quantity": 1,
        "usd_micros": micros,
        "credit_millis": credits,
        "qualifier": "exact",
    }


def test_a_dry_run_charges_begins_and_keeps_nothing(stage: Stage) -> None:
    client = Client(stage, balance=0)
    assert client.upscale(dry_run="true").status_code == 200
    assert client.spent == 0
    assert client.account.links.list() == []
    assert client.account.jobs.list() == []


@pytest.mark.parametrize("upscaler", MODELS)
def test_what_is_charged_is_what_was_quoted(client: Client, upscaler: str) -> None:
    quoted = client.upscale(upscaler, dry_run="true").json()["usd_micros"]
    assert client.upscale(upscaler).status_code == 200
    assert client.spent == quoted > 0


@pytest.mark.parametrize(("factor", "megapixels"), [("x2", 0.0048), ("x4", 0.0192), ("x8", 0.0768)])
def test_the_price_goes_by_the_pixels_that_come_out(client: Client, factor: str, megapixels: float) -> None:
    quote = client.upscale(dry_run="true", upscale_factor=factor).json()
    assert quote["usd_micros"] == round(60_000 * megapixels)


@pytest.mark.parametrize(
    ("fields", "size"), [({}, 2), ({"upscale_factor": "x4"}, 4), ({"upscale_factor": "x8"}, 8)]
)
def test_the_picture_is_enlarged_by_the_factor_asked_for(
    client: Client, fields: dict[str, str], size: int
) -> None:
    body = client.upscale(seed=7, **fields).json()
    assert re.fullmatch(ID, body["generation_id"])
    assert (body["width"], body["height"], body["seed"]) == (40 * size, 30 * size, 7)
    (item,) = body["data"]
    assert set(item) == {"url", "resolution", "seed", "is_image_safe"}
    assert (item["resolution"], item["seed"], item["is_image_safe"]) == (f"{40 * size}x{30 * size}", 7, True)
    result = opened(client.stage.http.get(item["url"]).content)
    expected = opened(picture()).resize(result.size, Image.Resampling.LANCZOS)
    assert ImageChops.difference(result, expected).getbbox() is None


@pytest.mark.parametrize(("tier", "size"), [(None, (2048, 1536)), ("1K", (1024, 768)), ("4K", (4096, 3072))])
def test_nano_banana_pro_goes_by_tiers(client: Client, tier: str | None, size: tuple[int, int]) -> None:
    fields = {} if tier is None else {"resolution_tier": tier}
    body = client.upscale("nano-banana-pro", **fields).json()
    assert (body["width"], body["height"]) == size


def test_a_source_at_the_tier_asked_for_is_refused(client: Client) -> None:
    reply = client.upscale("nano-banana-pro", picture(width=1024, height=8), resolution_tier="1K")
    assert reply.status_code == 400
    assert set(reply.json()) == {"error"}


@pytest.mark.parametrize(
    ("factor", "side", "status"),
    [("x8", 1024, 200), ("x8", 1025, 400), ("x4", 2048, 200), ("x4", 2049, 400), ("x2", 4097, 400)],
)
def test_no_side_of_a_result_is_over_8192_pixels(client: Client, factor: str, side: int, status: int) -> None:
    for dry_run in (None, "true"):
        image = picture(width=side, height=8)
        reply = client.upscale("auto", image, upscale_factor=factor, dry_run=dry_run)
        assert reply.status_code == status
    assert (client.spent > 0) == (status == 200)


@pytest.mark.parametrize(
    ("upscaler", "prompt", "status"),
    [
        ("topaz-standard-2", "a cat", 400),
        ("topaz-text-refine", "a cat", 400),
        ("topaz-standard-2", "", 200),
        ("topaz-bloom-2", "a cat", 200),
        ("topaz-bloom-2", "a" * 1_024, 200),
        ("topaz-bloom-2", "a" * 1_025, 400),
        ("nano-banana-pro", "a" * 2_000, 200),
        ("nano-banana-pro", "a" * 2_001, 400),
        ("auto", "ignored, as unknown members are", 200),
    ],
)
def test_two_models_refuse_a_prompt_and_the_others_have_a_limit(
    client: Client, upscaler: str, prompt: str, status: int
) -> None:
    assert client.upscale(upscaler, prompt=prompt).status_code == status


@pytest.mark.parametrize(
    ("upscaler", "fields", "detail"),
    [
        ("auto", {"upscale_factor": "x3"}, "'x3' is not one of ['x2', 'x4', 'x8'] - 'upscale_factor'"),
        ("auto", {"upscale_factor": "X2"}, "'X2' is not one of ['x2', 'x4', 'x8'] - 'upscale_factor'"),
        ("auto", {"seed": -1}, "-1 is less than the minimum of 0 - 'seed'"),
        ("auto", {"seed": 2**31}, "2147483648 is greater than the maximum of 2147483647 - 'seed'"),
        ("auto", {"seed": "x"}, ["Wrong type, expected 'integer' for requestBody parameter 'seed'"]),
        ("auto", {"seed": "1.5"}, ["Wrong type, expected 'integer' for requestBody parameter 'seed'"]),
        ("auto", {"async": "maybe"}, ["Wrong type, expected 'boolean' for requestBody parameter 'async'"]),
        ("topaz-bloom-2", {"creativity": 0}, "0 is less than the minimum of 1 - 'creativity'"),
        ("topaz-bloom-2", {"creativity": 10}, "10 is greater than the maximum of 9 - 'creativity'"),
        ("topaz-redefine", {"texture": 6}, "6 is greater than the maximum of 5 - 'texture'"),
        ("topaz-redefine", {"denoise": 1.01}, "1.01 is greater than the maximum of 1 - 'denoise'"),
        ("topaz-redefine", {"denoise": "nan"}, ["Wrong type, expected 'number' for requestBody parameter 'denoise'"]),
        ("topaz-standard-2", {"strength": 0}, "0.0 is less than the minimum of 0.01 - 'strength'"),
        (
            "topaz-standard-2",
            {"subject_detection": "sky"},
            "'sky' is not one of ['all', 'foreground', 'background'] - 'subject_detection'",
        ),
        (
            "topaz-wonder-3-5",
            {"enhancement_strength": "some"},
            "'some' is not one of ['low', 'medium', 'high'] - 'enhancement_strength'",
        ),
        ("nano-banana-pro", {"resolution_tier": "8K"}, "'8K' is not one of ['1K', '2K', '4K'] - 'resolution_tier'"),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_a_problem_document_in_the_frameworks_words(
    client: Client, upscaler: str, fields: dict[str, object], detail: object
) -> None:
    reply = client.upscale(upscaler, **fields)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")
    assert reply.json() == {"type": "about:blank", "title": "Bad Request", "detail": detail, "status": 400}
    assert client.spent == 0


def test_enhanced_faces_need_their_two_numbers(client: Client) -> None:
    both = {"face_enhancement_strength": 0.5, "face_enhancement_creativity": 0}
    assert client.upscale("topaz-redefine", face_enhancement="true", **both).status_code == 200
    refused = client.upscale("topaz-redefine", face_enhancement="true", face_enhancement_strength=1)
    assert refused.status_code == 400
    assert "face_enhancement_creativity" in refused.json()["error"]


@pytest.mark.parametrize("image", [b"no picture", picture()[:-30], b"GIF89a"])
def test_a_picture_that_cannot_be_read_is_refused_as_observed(client: Client, image: bytes) -> None:
    reply = client.upscale("auto", image)
    assert (reply.status_code, reply.json()) == (400, {"error": "Could not read a source image."})


def test_a_picture_may_have_50_mib_whatever_the_api_version(client: Client) -> None:
    assert client.upscale("auto", picture() + bytes(26 * MIB), dry_run="true").status_code == 200
    assert client.upscale("auto", picture() + bytes(50 * MIB), dry_run="true").status_code == 400


def test_a_picture_named_by_its_identifier_is_not_found(client: Client) -> None:
    url = f"{client.stage.base_url('ideogram')}/v2/image/upscale/auto"
    asset = {"asset_type": "UPLOAD", "asset_id": "A" * 22}
    for body, status in (({"image_asset_identifier": asset}, 404), ({}, 400)):
        assert client.stage.http.post(url, json=body, headers=client.headers).status_code == status


def test_an_unknown_model_is_an_unknown_address(client: Client) -> None:
    reply = client.upscale("topaz-gigapixel")
    assert reply.status_code == 404
    assert reply.json()["detail"].startswith("The requested URL was not found on the server.")


@pytest.mark.parametrize("dry_run", ["yes", "1", ""])
def test_a_dry_run_is_true_or_false(client: Client, dry_run: str) -> None:
    assert client.upscale(dry_run=dry_run).status_code == 400
    assert client.spent == 0


def test_money_keys_and_safety_are_refused_as_observed(stage: Stage) -> None:
    poor = Client(stage, balance=0.0001).upscale()
    assert poor.status_code == 402
    assert poor.json()["reject_reason"] == "insufficient_funds"
    unsafe = Client(stage)
    unsafe.account.faults.add(UnsafeImage(refuse=True), on="ideogram.v2_upscale")
    reply = unsafe.upscale()
    assert (reply.status_code, set(reply.json())) == (422, {"error"})
    url = f"{stage.base_url('ideogram')}/v2/image/upscale/auto"
    assert stage.http.post(url, files={"image": picture()}).status_code == 401


def test_a_withheld_picture_is_charged_and_has_no_address(client: Client) -> None:
    client.account.faults.add(UnsafeImage(), on="ideogram.v2_upscale")
    body = client.upscale().json()
    assert [(one["url"], one["is_image_safe"]) for one in body["data"]] == [(None, False)]
    assert client.spent > 0
    (polled,) = client.poll(body["generation_id"]).json()["data"]
    assert (polled["url"], polled["is_image_safe"]) == (None, False)


def test_a_generation_is_pending_until_its_time_by_the_accounts_clock(client: Client) -> None:
    client.account.settings(options={"ideogram.queue_seconds": 5, "ideogram.run_seconds": 10})
    begun = client.upscale(**{"async": "true"})
    assert begun.status_code == 200
    assert "data" not in begun.json()
    generation = begun.json()["generation_id"]
    for seconds in (0, 5, 9):
        client.account.clock.advance(seconds=seconds)
        told = client.poll(generation).json()
        assert (set(told), told["status"]) == ({"generation_id", "status", "created"}, "pending")
    assert client.spent == 0
    client.account.clock.advance(seconds=1)
    done = client.poll(generation).json()
    assert (done["status"], done["response_type"]) == ("completed", "url")
    assert opened(client.stage.http.get(done["data"][0]["url"]).content).size == (80, 60)
    for _ in range(2):
        client.poll(generation)
    assert len(list(client.account.ledger)) == 1


def test_a_generation_answered_at_once_can_be_polled_too(client: Client) -> None:
    client.account.settings(options={"ideogram.run_seconds": 10})
    body = client.upscale().json()
    (item,) = body["data"]
    polled = client.poll(body["generation_id"]).json()
    assert polled["data"] == [
        {
            "object_type": "image.without-prompt-or-seed",
            **{name: item[name] for name in ("url", "resolution", "is_image_safe")},
        }
    ]
    assert polled["usage_cost_usd_micros"] == client.spent


@pytest.mark.parametrize(("status", "reason"), [(422, "content_policy_violation"), (500, "internal_error")])
def test_a_generation_that_failed_says_why_and_costs_nothing(
    client: Client, status: int, reason: str
) -> None:
    client.account.settings(options={"ideogram.run_seconds": 10})
    generation = client.begun()
    client.account.jobs.fail(generation, status=status)
    told = client.poll(generation).json()
    assert (told["status"], told["failure_reason"]) == ("failed", reason)
    assert set(told) == {"generation_id", "status", "created", "failure_reason"}
    assert client.spent == 0


def test_money_spent_meanwhile_fails_the_generation(stage: Stage) -> None:
    client = Client(stage, balance=0.0005)
    client.account.settings(options={"ideogram.run_seconds": 10}, balance=0.0005)
    first, second = client.begun(), client.begun()
    client.account.clock.advance(seconds=10)
    told = [client.poll(one).json() for one in (first, second)]
    assert [one["status"] for one in told] == ["completed", "failed"]
    assert told[1]["failure_reason"] == "insufficient_funds"


@pytest.mark.parametrize(
    ("generation", "status"),
    [
        ("A" * 22, 404),
        ("A" * 22 + "==", 404),
        ("A" * 21, 400),
        ("A" * 23, 400),
        ("A" * 21 + "+", 400),
        ("x", 400),
    ],
)
def test_an_id_that_is_unknown_is_404_and_one_that_is_none_400(
    client: Client, generation: str, status: int
) -> None:
    assert client.poll(generation).status_code == status


def test_a_generation_is_known_to_its_own_key_only(stage: Stage, client: Client) -> None:
    assert Client(stage).poll(client.begun()).status_code == 404


def test_a_model_in_training_is_no_generation_nor_the_other_way_round(client: Client) -> None:
    """Both are jobs."""
    base, dataset = client.stage.base_url("ideogram"), {"name": "cats"}
    made = client.stage.http.post(f"{base}/datasets", json=dataset, headers=client.headers).json()
    client.account.settings(options={"ideogram.training_images": 0})
    sent = {"dataset_id": made["dataset_id"], "model_name": "my model"}
    model = client.stage.http.post(f"{base}/v1/ideogram-v3/train-model", json=sent, headers=client.headers)
    assert client.poll(model.json()["model_id"]).status_code == 404
    assert client.get(f"/models/{client.begun()}").status_code == 404


def test_a_thousand_polls_in_ten_seconds_and_then_429_with_the_seconds_to_wait(local: LocalApp) -> None:
    key = {"Api-Key": KEY}
    begun = local.ask("POST", "/v2/image/upscale/auto", files={"image": picture()}, headers=key).json()
    path = f"/v2/generations/{begun['generation_id']}"
    now = local.freeze()

    def polled() -> tuple[int, str | None]:
        reply = local.ask("GET", path, headers=key)
        return reply.status_code, reply.headers.get("retry-after")

    async def poll_often(times: int) -> None:
        (quota,) = (one for one in PROVIDER.quotas if one.covers("ideogram.v2_poll"))
        for number in range(times):
            limited = Limited(name="ideogram", holder=str(number), quotas=(quota,))
            await local.account.limits.enter(limited, now=now)
            await local.account.limits.leave(limited)

    assert polled() == (200, None)
    local.run(poll_often(998))
    assert polled() == (200, None)
    assert polled() == (429, "10")
    upscaled = local.ask("POST", "/v2/image/upscale/auto", files={"image": picture()}, headers=key)
    assert upscaled.status_code == 200, "other operations have limits of their own"
    local.advance(9)
    assert polled() == (429, "1")
    local.advance(1)
    assert polled() == (200, None)


def test_polls_hold_no_place_among_those_in_flight(stage: Stage, client: Client) -> None:
    generation = client.begun()
    client.account.settings(in_flight=0)
    assert client.upscale().status_code == 429
    assert client.poll(generation).status_code == 200
