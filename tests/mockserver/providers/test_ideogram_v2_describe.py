"""v2 describes a picture in words or as a structured prompt, at once, of what is measured of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from fauxscale import UnsafeImage
from tests.calls.ideogram_v2 import Client
from tests.pictures import encoded, picture
from tests.stages import Stage

ROUTE = "/v2/image/describe"


@pytest.fixture
def client(stage: Stage) -> Client:
    return Client(stage)


def describe(client: Client, model: str, sent: bytes | None = None, /, **fields: str) -> httpx.Response:
    files = {"image": ("a.png", picture() if sent is None else sent)}
    return client.post(f"{ROUTE}/{model}", data=fields, files=files)


def page() -> bytes:
    """A picture with a row of text."""
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).text((30, 80), "A row of plain text", "black", ImageFont.load_default(24))
    return encoded(image)


def test_words_are_those_of_v1_with_an_id_and_a_time(client: Client) -> None:
    body = describe(client, "ideogram-3").json()
    old = client.post("/describe", files={"image_file": ("a.png", picture())}).json()
    assert set(body) == {"description_id", "created", "descriptions"}
    assert body["descriptions"] == old["descriptions"]
    assert client.spent == 20_000


def test_a_structured_prompt_tells_where_text_is(client: Client) -> None:
    body = describe(client, "ideogram-4", page()).json()
    assert set(body) == {"description_id", "created", "json_prompt"}
    prompt = body["json_prompt"]
    assert set(prompt) == {"high_level_description", "compositional_deconstruction"}
    (element,) = prompt["compositional_deconstruction"]["elements"]
    assert (element["type"], element["text"]) == ("text", "TEXT 1")
    top, left, bottom, right = element["bbox"]
    assert top < 430 < bottom, "of a thousand, whatever the height"
    assert left < 110 < 500 < right


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({}, (True, False, False)),
        ({"include_bbox": "false"}, (False, False, False)),
        ({"include_style_descriptions": "true"}, (True, True, False)),
        ({"include_tags": "true"}, (True, False, True)),
    ],
    ids=str,
)
def test_a_prompt_has_what_was_asked_for(
    client: Client, asked: dict[str, str], there: tuple[bool, bool, bool]
) -> None:
    prompt: Any = describe(client, "ideogram-4", page(), **asked).json()["json_prompt"]
    (element,) = prompt["compositional_deconstruction"]["elements"]
    assert ("bbox" in element, "style_description" in prompt, "tags" in prompt) == there


def test_a_picture_that_is_not_seen_is_described_too(client: Client) -> None:
    clear = encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)))
    prompt = describe(client, "ideogram-4", clear, include_style_descriptions="true").json()["json_prompt"]
    assert prompt["compositional_deconstruction"] == {"background": "transparent", "elements": []}
    assert prompt["style_description"]["color_palette"] == []


@pytest.mark.parametrize(
    ("fields", "sent", "told"),
    [
        ({"include_bbox": "yes"}, None, "Wrong type, expected 'boolean'"),
        ({}, b"junk", "Could not read a source image."),
        ({}, picture() + bytes(10 * 1024**2), "File is too large"),
    ],
    ids=["flag", "junk", "size"],
)
def test_what_is_wrong_is_refused_in_the_words_of_v2(
    client: Client, fields: dict[str, str], sent: bytes | None, told: str
) -> None:
    reply = describe(client, "ideogram-4", sent, **fields)
    assert reply.status_code == 400
    assert told in reply.text
    assert client.spent == 0


def test_json_cannot_carry_the_picture(client: Client) -> None:
    named = {"image_asset_identifier": {"asset_type": "RESPONSE", "asset_id": "A" * 22}}
    assert client.post(f"{ROUTE}/ideogram-3", json=named).status_code == 404
    assert client.post(f"{ROUTE}/ideogram-3", json={}).json() == {"error": "A source image is required."}
    assert client.post("/v2/image/remove-background/ideogram-1", json=named).status_code == 404


def test_another_model_is_not_there(client: Client) -> None:
    assert describe(client, "ideogram-2").status_code == 404


def test_there_are_no_quotes_and_no_generations(client: Client) -> None:
    asked = client.post(
        f"{ROUTE}/ideogram-3", params={"dry_run": "true"}, files={"image": ("a.png", picture())}
    )
    named = asked.json()["description_id"]
    assert client.spent == 10_000, "an unknown parameter is ignored"
    assert client.poll(named).status_code == 404


def test_an_unsafe_picture_is_refused_and_free(client: Client) -> None:
    client.account.faults.add(UnsafeImage(), on="ideogram.v2_describe")
    reply = describe(client, "ideogram-3")
    assert reply.status_code == 422
    assert reply.json() == {
        "error": "Image provided failed safety check due to the inclusion of prohibited content."
    }
    assert client.spent == 0
