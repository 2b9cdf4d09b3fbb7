"""The picture operations of v1 and the legacy ones, with what is true of the pixels of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageStat

from tests.calls.ideogram import SAMPLES
from tests.pictures import doubled, opened, picture
from tests.subjects import SUBJECTS, Subject, inside, overlap

from .calling import LANCZOS, Calling, Row, apart, encoded, photo, same


def half_mask(width: int, height: int) -> bytes:
    """Black, to be edited, on the left half; white on the right."""
    mask = Image.new("L", (width, height), 255)
    mask.paste(0, (0, 0, width // 2, height))
    return encoded(mask)


def subject(size: tuple[int, int]) -> Subject:
    drawn = SUBJECTS[next(iter(SUBJECTS))]()
    return Subject(drawn.picture.resize(size, LANCZOS), drawn.mask.resize(size, LANCZOS))


def upscale(calling: Calling) -> None:
    sent = photo(120, 80)
    assert same(calling.result(calling.ask("upscale", image_file=sent)), doubled(sent))


def draws(calling: Calling, ask: Callable[..., Any], size: tuple[int, int]) -> None:
    """Different prompts and seeds draw different pictures, the same ones the same."""
    cat, dog = (calling.result(ask(prompt=prompt, seed=1)) for prompt in ("a cat", "a dog"))
    assert cat.size == dog.size == size
    assert apart(cat, dog) >= 20
    assert same(calling.result(ask(prompt="a cat", seed=1)), cat)
    assert not same(calling.result(ask(prompt="a cat", seed=2)), cat)


def generate(calling: Calling) -> None:
    def ask(**members: object) -> Any:
        return calling.asked("generate", resolution="RESOLUTION_768_1024", **members)

    draws(calling, ask, (768, 1024))


def v3_generate(calling: Calling) -> None:
    def ask(prompt: str, seed: int) -> Any:
        return calling.ask("v3_generate", prompt=prompt, seed=str(seed), aspect_ratio="16x9")

    draws(calling, ask, (1312, 736))
    red = calling.result(
        calling.ask("v3_generate", seed="1", color_palette='{"members":[{"color_hex":"#f00"}]}')
    )
    mean = ImageStat.Stat(red.convert("RGB")).mean
    assert mean[0] > mean[1] + 30
    assert mean[0] > mean[2] + 30
    reference = {"style_reference_images": [encoded(Image.new("RGB", (8, 8), "#00f"))]}
    plain = ImageStat.Stat(calling.result(calling.ask("v3_generate", seed="1")).convert("RGB")).mean
    tinted = ImageStat.Stat(
        calling.result(calling.ask("v3_generate", seed="1", **reference)).convert("RGB")
    ).mean
    assert tinted[2] - tinted[0] > plain[2] - plain[0]


def transparent(calling: Calling) -> None:
    body = calling.ask("v3_generate_transparent", upscale_factor="X2", aspect_ratio="3x1")
    assert (body["data"][0]["resolution"], body["data"][0]["upscaled_resolution"]) == (
        "1536x512",
        "3072x1024",
    )
    alpha = calling.result(body).getchannel("A")
    assert [alpha.getpixel((x, y)) for x in (0, 3071) for y in (0, 1023)] == [0, 0, 0, 0]
    assert alpha.getpixel((1536, 512)) == 255


def inpaints(calling: Calling, name: str, part: str, size: tuple[int, int]) -> None:
    sent = photo(*size)
    body = calling.ask(name, **{part: sent, "mask": half_mask(*size)})
    made, middle = calling.result(body), size[0] // 2
    assert made.size == size
    assert same(made, opened(sent), (middle, 0, *size)), "what is not masked is untouched"
    left = (0, 0, middle, size[1])
    assert apart(made.crop(left), opened(sent).crop(left)) > 5


def v3_inpaint(calling: Calling) -> None:
    inpaints(calling, "v3_inpaint", "image", (960, 832))
    body = calling.ask("v3_inpaint", image=photo(100, 100), mask=half_mask(100, 100))
    assert body["data"][0]["resolution"] == "1024x1024", "a size that v3 has"


def v3_edit(calling: Calling) -> None:
    inpaints(calling, "v3_edit", "image", (832, 960))


def edit(calling: Calling) -> None:
    inpaints(calling, "edit", "image_file", (110, 70))


def remixes(calling: Calling, ask: Callable[[int], Any], sent: bytes, size: tuple[int, int]) -> None:
    whole, less = (calling.result(ask(weight)) for weight in (100, 30))
    source = opened(sent).convert("RGB")
    assert same(whole, source.resize(size, LANCZOS)), "all of its weight is the source itself"
    assert apart(whole, less) > 5


def v3_remix(calling: Calling) -> None:
    sent = photo(256, 256)

    def ask(weight: int) -> Any:
        return calling.ask("v3_remix", image=sent, image_weight=str(weight))

    remixes(calling, ask, sent, (1024, 1024))


def remix(calling: Calling) -> None:
    sent = photo(128, 96)

    def ask(weight: int) -> Any:
        change = SAMPLES["remix"].asked(image_weight=weight, resolution="RESOLUTION_1024_768")
        return calling.ask("remix", image_file=sent, **change)

    remixes(calling, ask, sent, (1024, 768))


def reframes(calling: Calling, body: Any, sent: bytes, size: tuple[int, int]) -> None:
    made, side = calling.result(body), min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    assert made.size == size
    centre = made.crop((left, top, left + side, top + side))
    assert same(centre, opened(sent).convert("RGB").resize((side, side), LANCZOS))


def v3_reframe(calling: Calling) -> None:
    sent = photo(200, 200)
    reframes(calling, calling.ask("v3_reframe", image=sent, resolution="1536x640"), sent, (1536, 640))


def reframe(calling: Calling) -> None:
    sent = photo(200, 200)
    body = calling.ask("reframe", image_file=sent, resolution="RESOLUTION_640_1024")
    reframes(calling, body, sent, (640, 1024))


def kept(made: Image.Image, one: Subject) -> bool:
    """Whether the subject is the one that was sent, byte for byte, inside its mask."""
    mask = inside(one.mask)
    difference = ImageChops.difference(made.convert("RGB"), one.picture)
    return ImageChops.composite(difference, Image.new("RGB", mask.size), mask).getbbox() is None


def replace_background(calling: Calling) -> None:
    one = subject((1152, 864))
    sent = encoded(one.picture)
    first, second = (
        calling.result(calling.ask("v3_replace_background", image=sent, prompt=prompt))
        for prompt in ("a beach", "a forest")
    )
    assert kept(first, one)
    assert kept(second, one)
    assert apart(first, second) > 10
    assert apart(first, one.picture) > 10


def remove_background(calling: Calling) -> None:
    one = subject((480, 360))
    (item,) = calling.ask("remove_background", image=encoded(one.picture))["data"]
    assert set(item) == {"url", "is_image_safe"}
    made = calling.picture(item["url"])
    assert (made.mode, made.size) == ("RGBA", one.picture.size)
    assert overlap(made.getchannel("A"), one.mask) >= 0.9
    assert kept(made, one)


def v1_edit(calling: Calling) -> None:
    sent = photo(300, 200)
    one = calling.result(calling.ask("v1_edit", images=[sent], seed="1"))
    assert one.size == (300, 200)
    assert 1 < apart(one, opened(sent)) < 100, "tinted, and still that picture"
    two = calling.result(calling.ask("v1_edit", images=[sent, picture(width=90, height=90)], seed="1"))
    assert same(one, two, (0, 0, 150, 200))
    assert not same(one, two, (200, 0, 300, 200)), "the further picture is at the right edge"
    cut = calling.result(calling.ask("v1_edit", images=[sent], seed="1", transparent_background="true"))
    assert cut.mode == "RGBA"


def describe(calling: Calling) -> None:
    def told(image: Image.Image) -> str:
        (one,) = calling.ask("describe", image_file=encoded(image))["descriptions"]
        return str(one["text"])

    bright = told(Image.new("RGB", (90, 60), "#eef"))
    dark = told(Image.new("RGBA", (60, 90), (0, 40, 0, 200)))
    assert "90 by 60" in bright
    assert "bright, without transparency" in bright
    assert "60 by 90" in dark
    assert "with transparency" in dark


def layerize(calling: Calling) -> None:
    image = Image.new("RGB", (640, 400), "#335")
    for top in (60, 200):
        ImageDraw.Draw(image).text((80, top), "All of these words", "white", font_size=40)
    sent = encoded(image)
    body = calling.ask("v3_layerize_text", image=sent)
    bare, original = calling.picture(body["base_image_url"]), calling.picture(body["original_image_url"])
    assert same(original, opened(sent))
    assert len(body["text_blocks"]) == 2
    outside = bare.copy()
    for block in body["text_blocks"]:
        box = (block["x"], block["y"], block["x"] + block["width"], block["y"] + block["height"])
        assert box[0] <= 80 <= box[2]
        assert apart(bare.crop(box), image.crop(box)) > 5, "the text is gone"
        outside.paste(image.crop(box), box)
    assert same(outside, image), "the rest is untouched"
    for block, top in zip(body["text_blocks"], (60, 200), strict=True):
        assert block["y"] <= top + 20 <= block["y"] + block["height"]


ROWS = (
    Row("upscale", "the source doubled, Lanczos", 0.06, upscale),
    Row("generate", "other prompts and seeds, other pictures; the asked size", 0.08, generate),
    Row("edit", "untouched where the mask is white", 0.08, edit),
    Row("remix", "at image_weight 100 the source, cropped", 0.08, remix),
    Row("reframe", "the scaled source in the middle", 0.08, reframe),
    Row("describe", "size, brightness and transparency as measured", 0.01, describe),
    Row("v1_edit", "the first picture tinted, further ones at its right edge", 0.06, v1_edit),
    Row(
        "remove_background",
        "alpha as the known mask (overlap ≥ 0.9), the subject untouched",
        0.01,
        remove_background,
    ),
    Row("v3_generate", "as generate, with palette and style reference", 0.06, v3_generate),
    Row("v3_generate_transparent", "alpha 0 at the corners, 255 in the middle, enlarged", 0.13, transparent),
    Row("v3_inpaint", "untouched where the mask is white", 0.06, v3_inpaint),
    Row("v3_edit", "untouched where the mask is white", 0.06, v3_edit),
    Row("v3_remix", "at image_weight 100 the source, cropped", 0.06, v3_remix),
    Row("v3_reframe", "the scaled source in the middle", 0.06, v3_reframe),
    Row("v3_replace_background", "the subject untouched before another drawing", 0.06, replace_background),
    Row("v3_layerize_text", "the text gone, the rest untouched; a block for each row", 0.09, layerize),
)
