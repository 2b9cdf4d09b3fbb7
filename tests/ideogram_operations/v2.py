"""The operations of v2, model by model, with what is true of the pixels of each."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from fauxscale.clock import iso
from fauxscale.providers.ideogram.v2_upscale import MODELS
from tests.pictures import opened, picture
from tests.subjects import overlap

from .calling import LANCZOS, Calling, Row, apart, encoded, photo, same
from .training import trained
from .v1 import kept, subject

GENERATE = "/v2/image/generate"


def quoted(calling: Calling, path: str, **options: Any) -> Any:
    """Ask for the price, then for the work; its reply. Both are the same, and the quote costs nothing."""
    before = sum(one.micros for one in calling.account.ledger)
    quote = calling.call("POST", path, params={"dry_run": "true"}, **options)
    assert sum(one.micros for one in calling.account.ledger) == before
    told = calling.call("POST", path, **options)
    assert sum(one.micros for one in calling.account.ledger) - before == quote["usd_micros"]
    return told


def upscale(calling: Calling, *, model: str) -> None:
    """256 x 256 pixels become 1024 x 1024."""
    sent = photo(256, 256)
    asked = {"resolution_tier": "1K"} if model == "nano-banana-pro" else {"upscale_factor": "x4"}
    told = quoted(calling, f"/v2/image/upscale/{model}", data=asked, files={"image": sent})
    assert same(calling.result(told), opened(sent).convert("RGB").resize((1024, 1024), LANCZOS))


def generate(calling: Calling) -> None:
    def drawn(prompt: str) -> Any:
        asked = {"prompt": prompt, "seed": 1, "resolution": "1312x736"}
        return calling.result(quoted(calling, f"{GENERATE}/ideogram-3", json=asked))

    cat = drawn("a cat")
    assert cat.size == (1312, 736)
    assert apart(cat, drawn("a dog")) >= 20
    old = calling.result(calling.ask("v3_generate", prompt="a cat", seed="1", resolution="1312x736"))
    assert same(cat, old)


def character(calling: Calling) -> None:
    def drawn(face: bytes) -> Any:
        files: dict[str, Any] = {"character_reference_images": ("face.png", face)}
        asked = {"prompt": "a cat", "seed": "1"}
        return calling.result(quoted(calling, f"{GENERATE}/ideogram-3-character", data=asked, files=files))

    one, other = (drawn(face) for face in (photo(200, 200), picture(width=200, height=200)))
    assert apart(one, other) > 1


def custom_model(calling: Calling) -> None:
    asked = {"prompt": "a cat", "seed": 1, "custom_model_uri": trained(calling)}
    made = calling.result(quoted(calling, f"{GENERATE}/ideogram-3-custom-model", json=asked))
    assert same(made, calling.result(calling.ask("v3_generate", prompt="a cat", seed="1")))


def transparent(calling: Calling) -> None:
    asked = {"prompt": "a cat", "seed": 1, "aspect_ratio": "3x1"}
    made = calling.result(quoted(calling, f"{GENERATE}/ideogram-3-transparent", json=asked))
    alpha = made.getchannel("A")
    assert made.size == (1536, 512)
    assert [alpha.getpixel((x, y)) for x in (0, 1535) for y in (0, 511)] == [0, 0, 0, 0]
    assert alpha.getpixel((768, 256)) == 255


def remove_background(calling: Calling) -> None:
    one = subject((480, 360))
    path = "/v2/image/remove-background/ideogram-1"
    (item,) = quoted(calling, path, files={"image": encoded(one.picture)})["data"]
    assert set(item) == {"url", "is_image_safe"}
    made = calling.picture(item["url"])
    assert (made.mode, made.size) == ("RGBA", one.picture.size)
    assert overlap(made.getchannel("A"), one.mask) >= 0.9
    assert kept(made, one)


def describe(calling: Calling) -> None:
    """The words of v1, for the same picture."""
    sent = photo(240, 180)
    told = calling.call("POST", "/v2/image/describe/ideogram-3", files={"image": sent})
    assert told["descriptions"] == calling.ask("describe", image_file=sent)["descriptions"]


def structured(calling: Calling) -> None:
    """Two rows of text in places that are known."""
    page = Image.new("RGB", (400, 200), (250, 250, 240))
    rows = {20: "A heading of some size", 140: "What stands below it, in small"}
    for top, text in rows.items():
        ImageDraw.Draw(page).text((20, top), text, (30, 60, 90), ImageFont.load_default(20))
    told = calling.call("POST", "/v2/image/describe/ideogram-4", files={"image": encoded(page)})
    elements = told["json_prompt"]["compositional_deconstruction"]["elements"]
    assert len(elements) == len(rows)
    for top, element in zip(rows, elements, strict=True):
        y, x, bottom, right = element["bbox"]
        assert abs(y - top * 5) < 40
        assert abs(x - 50) < 30
        assert x < right <= 1000
        assert y < bottom < y + 250


def poll(calling: Calling) -> None:
    """An upscale that is answered at once has no picture; a poll by the account's clock has."""
    calling.account.settings(options={"ideogram.run_seconds": 60})
    sent = photo(120, 80)
    path = "/v2/image/upscale/auto"
    named = calling.call("POST", path, data={"async": "true"}, files={"image": sent})["generation_id"]
    assert "data" not in calling.call("GET", f"/v2/generations/{named}")
    calling.account.clock.advance(seconds=60)
    done = calling.call("GET", f"/v2/generations/{named}")
    assert done["status"] == "completed"
    assert same(calling.result(done), opened(sent).convert("RGB").resize((240, 160), LANCZOS))


def usage(calling: Calling) -> None:
    calling.ask("upscale")
    calling.call("POST", "/v2/image/upscale/auto", files={"image": photo(100, 100)})
    since = {"start_time": iso(calling.account.clock.now() - 60)}
    today = calling.call("GET", "/v2/account/usage", params=since)["buckets"][-1]
    told = sum(round(float(one["cost_total"]) * 1e6) for one in today["line_items"])
    assert told == sum(one.micros for one in calling.account.ledger) > 0


def jwks(calling: Calling) -> None:
    (key,) = calling.call("GET", "/v1/.well-known/jwks.json")["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    assert len(base64.urlsafe_b64decode(key["x"] + "=")) == 32


# What a result of 1024 x 1024 pixels costs.
_PRICES = {
    "auto": 0.062915,
    "topaz-standard-2": 0.031458,
    "topaz-text-refine": 0.031458,
    "topaz-bloom-2": 0.094372,
    "topaz-redefine": 0.062915,
    "topaz-wonder-3-5": 0.062915,
    "nano-banana-pro": 0.1344,
}
ROWS = (
    *(
        Row("v2_upscale", "the source enlarged, Lanczos", _PRICES[name], partial(upscale, model=name), name)
        for name in MODELS
    ),
    Row("v2_generate", "what v1 draws of the same prompt and seed", 0.06, generate, "ideogram-3"),
    Row("v2_generate", "another with another face", 0.15, character, "ideogram-3-character"),
    Row("v2_generate", "what the untrained draws", 0.06, custom_model, "ideogram-3-custom-model"),
    Row(
        "v2_generate",
        "alpha 0 at the corners, 255 in the middle",
        0.07,
        transparent,
        "ideogram-3-transparent",
    ),
    Row(
        "v2_remove_background",
        "alpha as the known mask (overlap ≥ 0.9), the subject untouched",
        0.01,
        remove_background,
        "ideogram-1",
    ),
    Row("v2_describe", "measured: the words that v1 has", 0.01, describe, "ideogram-3"),
    Row("v2_describe", "measured: text where it is", 0.01, structured, "ideogram-4"),
    Row("v2_poll", "none before its time, then those of the upscale", 0, poll),
    Row("v2_usage", "none: what it sums up is what was charged", 0, usage),
    Row("jwks", "none: the public key of the webhooks", 0, jwks),
)
