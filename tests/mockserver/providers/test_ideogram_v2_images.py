"""v2 makes what v1 makes, by the same recipes, and answers it as generations."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from PIL import ImageChops

from fauxscale.clock import iso
from tests.calls.ideogram_v2 import Client
from tests.pictures import opened, picture
from tests.stages import Stage

GENERATE = "/v2/image/generate"
REMOVE = "/v2/image/remove-background/ideogram-1"


@pytest.fixture
def client(stage: Stage) -> Client:
    return Client(stage)


def generate(client: Client, name: str = "ideogram-3", /, **fields: Any) -> httpx.Response:
    """One call. `dry_run` goes into its query, all else into its body."""
    query = {"dry_run": "true"} if fields.pop("dry_run", False) else {}
    body = {"prompt": "a red cat", "seed": 7, **fields}
    return client.post(f"{GENERATE}/{name}", params=query, json=body)


def shown(client: Client, reply: httpx.Response, at: int = 0) -> Any:
    return opened(client.stage.http.get(reply.json()["data"][at]["url"]).content)


def test_a_prompt_is_drawn_as_v1_draws_it(client: Client) -> None:
    reply = generate(client, resolution="512x1536")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"generation_id", "seed", "data"}
    assert body["seed"] == 7
    (item,) = body["data"]
    (polled,) = client.poll(body["generation_id"]).json()["data"]
    assert polled == {"object_type": "image.generation", **item}
    assert set(item) == {"url", "prompt", "resolution", "seed", "is_image_safe"}
    assert (item["prompt"], item["resolution"]) == ("a red cat", "512x1536")
    fields = {"prompt": (None, "a red cat"), "seed": (None, "7"), "resolution": (None, "512x1536")}
    old = client.post("/v1/ideogram-v3/generate", files=fields)
    assert ImageChops.difference(shown(client, reply), shown(client, old)).getbbox() is None


def test_a_form_asks_for_the_same_as_json(client: Client) -> None:
    fields = {"prompt": (None, "a red cat"), "seed": (None, "7"), "num_images": (None, "2")}
    form = client.post(f"{GENERATE}/ideogram-3", files=fields)
    told = generate(client, num_images=2)
    assert (
        [one["seed"] for one in form.json()["data"]] == [one["seed"] for one in told.json()["data"]] == [7, 8]
    )
    assert ImageChops.difference(shown(client, form, 1), shown(client, told, 1)).getbbox() is None


def test_many_images_are_quoted_and_charged_each(client: Client) -> None:
    quote = generate(client, dry_run=True, num_images=3, rendering_speed="quality").json()
    assert (quote["quantity"], quote["usd_micros"]) == (3, 270_000)
    assert quote["billing_identifier"] == "ideogram_v3_generation"
    assert client.spent == 0
    generate(client, num_images=3, rendering_speed="quality")
    assert client.spent == 270_000


@pytest.mark.parametrize(
    ("name", "fields", "micros", "product"),
    [
        ("ideogram-3", {}, 60_000, "ideogram_v3_generation"),
        ("ideogram-3", {"rendering_speed": "turbo"}, 30_000, "ideogram_v3_generation"),
        ("ideogram-3-transparent", {}, 70_000, "ideogram_v3_transparent_generation"),
    ],
)
def test_a_picture_costs_what_the_real_service_quoted(
    client: Client, name: str, fields: dict[str, object], micros: int, product: str
) -> None:
    quote = generate(client, name, dry_run=True, **fields).json()
    assert (quote["usd_micros"], quote["billing_identifier"]) == (micros, product)


def test_a_transparent_picture_is_enlarged_with_its_alpha(client: Client) -> None:
    reply = generate(client, "ideogram-3-transparent", aspect_ratio="3x1", upscale_factor="x2")
    made = shown(client, reply)
    assert (made.mode, made.size) == ("RGBA", (3072, 1024))
    assert made.getpixel((0, 0))[3] == 0


def test_a_character_needs_a_reference_and_costs_more(client: Client) -> None:
    prompt = {"prompt": (None, "a red cat")}
    without = client.post(f"{GENERATE}/ideogram-3-character", files=prompt)
    assert without.status_code == 400
    character = {"character_reference_images": ("face.png", picture())}
    assert client.post(f"{GENERATE}/ideogram-3-character", files=prompt | character).status_code == 200
    assert client.spent == 150_000


def test_a_custom_model_must_be_trained(client: Client) -> None:
    refused = generate(client, "ideogram-3-custom-model", custom_model_uri="model/my-model/version/1")
    assert refused.status_code == 400
    client.account.settings(options={"ideogram.training_images": 0, "ideogram.training_seconds": 0})
    dataset = client.post("/datasets", json={"name": "cats"}).json()["dataset_id"]
    sent = {"dataset_id": dataset, "model_name": "my model"}
    client.post("/v1/ideogram-v3/train-model", json=sent)
    client.account.clock.advance(seconds=10)
    made = generate(client, "ideogram-3-custom-model", custom_model_uri="model/my-model/version/1")
    assert made.status_code == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": None}, "None is not of type 'string' - 'prompt'"),
        ({"prompt": ""}, "prompt must have 1 to 10,000 characters."),
        ({"prompt": "a" * 10_001}, "prompt must have 1 to 10,000 characters."),
        ({"num_images": 9}, "9 is greater than the maximum of 8 - 'num_images'"),
        ({"rendering_speed": "TURBO"}, "'TURBO' is not one of ['turbo', 'default', 'quality'] - 'rendering_speed'"),
        ({"rendering_speed": "flash"}, "'flash' is not one of ['turbo', 'default', 'quality'] - 'rendering_speed'"),
        ({"magic_prompt": "AUTO"}, "'AUTO' is not one of ['auto', 'on', 'off'] - 'magic_prompt'"),
        ({"resolution": "1x1"}, "'1x1' is not one of ["),
        ({"aspect_ratio": "16:9"}, "'16:9' is not one of ['auto', "),
        ({"aspect_ratio": "1x1", "resolution": "1024x1024"}, "resolution cannot be combined with aspect_ratio."),
        ({"style_preset": "art_deco", "style_codes": ["AAFF5733"]}, "style_preset cannot be combined with"),
        ({"color_palette": {"name": "PASTEL"}}, "PASTEL"),
    ],
)  # fmt: skip
def test_what_v2_refuses_is_refused_in_its_words(
    client: Client, fields: dict[str, object], named: str
) -> None:
    reply = generate(client, **fields)
    assert reply.status_code == 400
    assert named in str(reply.json().get("detail", "")) + str(reply.json().get("error", ""))
    assert client.spent == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"magic_prompt": "on"},
        {"aspect_ratio": "auto"},
        {"style_type": "realistic", "style_preset": "art_deco"},
        {"color_palette": {"name": "pastel"}},
        {"color_palette": {"members": [{"color_hex": "#ff0000"}]}},
        {"private": True, "target_collection_id": "A" * 22, "unknown": "ignored"},
    ],
    ids=str,
)
def test_what_v2_knows_is_accepted(client: Client, fields: dict[str, object]) -> None:
    reply = generate(client, **fields)
    assert reply.status_code == 200
    assert (reply.json()["data"][0]["prompt"] != "a red cat") == (fields.get("magic_prompt") == "on")


@pytest.mark.parametrize(
    "more", [{"color_palette": {"name": "zz"}}, {"resolution": {"a": "576x1"}}, {"style_codes": 3}]
)
def test_a_member_that_only_other_models_have_is_ignored(client: Client, more: dict[str, object]) -> None:
    assert generate(client, "ideogram-3-transparent", **more).status_code == 200


def test_pictures_can_be_made_later_and_polled_for(client: Client) -> None:
    client.account.settings(options={"ideogram.run_seconds": 10})
    begun = generate(client, **{"async": True}).json()
    assert "data" not in begun
    assert client.poll(begun["generation_id"]).json()["status"] == "pending"
    client.account.clock.advance(seconds=10)
    done = client.poll(begun["generation_id"]).json()
    assert (done["status"], done["data"][0]["prompt"]) == ("completed", "a red cat")


def test_a_background_is_removed_as_v1_removes_it(client: Client) -> None:
    photo = picture(width=120, height=90)
    reply = client.post(REMOVE, files={"image": photo})
    assert reply.status_code == 200
    assert client.spent == 10_000
    old = client.post("/v1/remove-background", files={"image": photo})
    made = shown(client, reply)
    assert (made.mode, made.size) == ("RGBA", (120, 90))
    assert ImageChops.difference(made, shown(client, old)).getbbox() is None


@pytest.mark.parametrize("path", [f"{GENERATE}/ideogram-5", "/v2/image/remove-background/ideogram-2"])
def test_an_unknown_model_is_an_unknown_address(client: Client, path: str) -> None:
    assert client.post(path, json={"prompt": "a cat"}).status_code == 404


def test_usage_names_the_products(client: Client) -> None:
    generate(client)
    client.post(REMOVE, files={"image": picture()})
    day = client.account.clock.now() // 86_400 * 86_400
    bucket = client.get("/v2/account/usage", params={"start_time": iso(day)}).json()["buckets"][0]
    told = {one["product"]: one["endpoint"] for one in bucket["line_items"]}
    assert told == {"ideogram_v3_generation": f"{GENERATE}/ideogram-3", "api_remove_background": REMOVE}


def test_a_cut_out_has_no_webhook_one_sent_is_ignored(client: Client) -> None:
    body = {"image": ("photo.png", picture()), "webhook_url": (None, "no address")}
    reply = client.post(REMOVE, files=body)
    assert reply.status_code == 200
    assert "data" in reply.json()


@pytest.mark.parametrize("name", ["prompt", "negative_prompt"])
def test_a_text_has_10000_characters_at_most(client: Client, name: str) -> None:
    assert generate(client, dry_run=True, **{name: "ä" * 10_000}).status_code == 200
    refusal = generate(client, dry_run=True, **{name: "ä" * 10_001})
    assert refusal.status_code == 400
    assert refusal.json()["error"].startswith(f"{name} must have")


@pytest.mark.parametrize("address", ["", "no address", "https://", f"http://127.0.0.1/{'a' * 2_048}"])
def test_no_price_is_quoted_for_a_webhook_that_would_be_refused(client: Client, address: str) -> None:
    for dry_run in (True, False):
        assert generate(client, dry_run=dry_run, webhook_url=address).status_code == 400
    assert generate(client, dry_run=True, webhook_url="http://127.0.0.1:9/hook").status_code == 200
