"""What each step of a recipe makes of the pictures sent, checked against the sources, pixel by pixel."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from fauxscale.errors import ApiError, Problem
from fauxscale.images.painting import paint
from fauxscale.images.recipe import (
    AsStored,
    Blend,
    Block,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Silhouette,
    Source,
    Step,
    Tint,
    WithoutText,
    size,
)
from fauxscale.images.render import encode, read
from tests.pictures import doubled, encoded, opened, picture

CORPUS = Path(__file__).parents[3] / "fixtures" / "corpus"
LANCZOS = Image.Resampling.LANCZOS
PHOTO = Source(0, 120, 90)
DRAWN = Draw("a fox", 120, 90, seed=2)


def motley(width: int = 120, height: int = 90, mode: str = "RGB") -> Image.Image:
    """A picture in which no two rows, columns or channels are alike."""
    ramp = Image.linear_gradient("L").resize((width, height))
    bands = [
        ramp,
        ramp.rotate(180),
        Image.radial_gradient("L").resize((width, height)),
        ImageChops.invert(ramp),
    ]
    image = Image.merge("RGBA", bands)
    ImageDraw.Draw(image).rectangle((0, 0, width // 5, height // 7), fill=(255, 0, 0, 255))
    return image.convert(mode)


def same(one: Image.Image, other: Image.Image) -> bool:
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def half_mask(width: int = 120, height: int = 90) -> Image.Image:
    """Black, so to be edited, in a disc and in grey just below the middle; white and grey just above it elsewhere."""
    mask = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(mask)
    pen.rectangle((0, 0, width // 2, 5), fill=128)
    pen.rectangle((width // 2, 0, width, 5), fill=127)
    pen.ellipse((30, 20, 80, 70), fill=0)
    return mask


def test_an_enlarged_source_is_its_lanczos_double_whatever_else_is_in_the_recipe() -> None:
    data = picture()
    assert same(paint(Enlarge(80, 60), [data]), doubled(data))
    assert same(
        paint(Tint(Enlarge(80, 60), "#000"), [data]),
        Image.blend(doubled(data), Image.new("RGB", (80, 60)), 0.4),
    )


def test_a_source_is_the_picture_as_a_viewer_shows_it() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(motley(), exif=exif)
    assert same(paint(Source(), [data]), motley().transpose(Image.Transpose.ROTATE_270))
    assert same(paint(AsStored(120, 90), [data]), paint(Source(), [data]))


def test_a_source_is_decoded_once_however_often_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from fauxscale.images import painting

    decoded: list[bytes] = []

    def counted(data: bytes) -> Image.Image:
        decoded.append(data)
        return read(data)

    monkeypatch.setattr(painting, "read", counted)
    one, other = encoded(motley()), encoded(half_mask())
    paint(
        Masked(PHOTO, Blend(PHOTO, Over(CutOut(PHOTO), DRAWN), 40), Source(1, 120, 90)),
        [one, other, b"unused"],
    )
    assert decoded == [one, other]


@pytest.mark.parametrize("size", [(50, 50), (200, 50), (40, 160), (120, 90)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_remix_of_full_weight_is_exactly_the_cropped_source(size: tuple[int, int], mode: str) -> None:
    width, height = size
    image = motley(mode=mode)
    part = (
        (120, round(120 * height / width)) if 120 * height <= 90 * width else (round(90 * width / height), 90)
    )
    left, top = (120 - part[0]) // 2, (90 - part[1]) // 2
    expected = image.crop((left, top, left + part[0], top + part[1])).resize(size, LANCZOS)
    step = Blend(Crop(PHOTO, width, height), Draw("a fox", width, height), 100)
    assert same(paint(step, [encoded(image)]), expected)


def test_the_weight_of_a_remix_says_how_near_it_is_to_the_source() -> None:
    data, source = encoded(motley()), motley()
    apart = [
        ImageStat.Stat(ImageChops.difference(paint(Blend(PHOTO, DRAWN, weight), [data]), source)).sum[0]
        for weight in (0, 25, 50, 75, 99, 100)
    ]
    assert apart == sorted(apart, reverse=True)
    assert len(set(apart)) == 6
    assert same(paint(Blend(PHOTO, DRAWN, 0), [data]), paint(DRAWN, []))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_an_edit_leaves_every_unmasked_pixel_untouched(mode: str) -> None:
    image, mask = motley(mode=mode), half_mask()
    edited = paint(
        Masked(PHOTO, Blend(PHOTO, DRAWN, 40), Source(1, 120, 90)), [encoded(image), encoded(mask)]
    )
    base = image.convert("RGBA" if mode.endswith("A") else "RGB")
    assert edited.mode == base.mode
    where = mask.point([255] * 128 + [0] * 128)
    kept = [one.copy() for one in (edited, base)]
    for one in kept:
        one.paste(0, mask=where)
    assert same(*kept)
    apart = ImageChops.difference(edited.convert("RGB"), base.convert("RGB"))
    touched = ImageStat.Stat(apart, where).mean
    assert max(touched) > 10


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "LA"])
def test_a_mask_may_be_of_any_mode(mode: str) -> None:
    mask = half_mask().point([0] * 128 + [255] * 128)
    step = Masked(PHOTO, DRAWN, Source(1, 120, 90))
    expected = paint(step, [encoded(motley()), encoded(mask)])
    assert same(paint(step, [encoded(motley()), encoded(mask.convert(mode))]), expected)
    assert not same(expected, motley())


def test_a_mask_of_sixteen_bits_or_of_another_size_is_read_all_the_same() -> None:
    step = Masked(PHOTO, DRAWN, Source(1, 120, 90))
    mask = half_mask().point([0] * 128 + [255] * 128)
    deep = Image.new("I;16", mask.size)
    deep.frombytes(b"".join(bytes((value, value)) for value in mask.tobytes()))
    sent = [encoded(one) for one in (mask, deep, mask.resize((240, 180), Image.Resampling.NEAREST))]
    made = [paint(step, [encoded(motley()), data]) for data in sent]
    assert same(made[0], made[1])
    assert same(made[0], made[2])


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (160, 90), (90, 90), (61, 60)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_a_frame_holds_the_scaled_source_in_its_centre_exactly(size: tuple[int, int], mode: str) -> None:
    image = motley(mode=mode)
    framed = paint(Frame(PHOTO, *size), [encoded(image)])
    scale = min(size[0] / 120, size[1] / 90)
    inner = round(120 * scale), round(90 * scale)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    assert framed.size == size
    centre = framed.crop((left, top, left + inner[0], top + inner[1]))
    assert same(centre, image.resize(inner, LANCZOS))


def test_the_rest_of_a_frame_continues_the_edges() -> None:
    image = Image.new("RGB", (90, 90), "white")
    ImageDraw.Draw(image).rectangle((60, 0, 90, 90), fill="navy")
    framed = paint(Frame(Source(0, 90, 90), 270, 90), [encoded(image)])
    assert framed.getpixel((5, 45)) == (255, 255, 255)
    assert framed.getpixel((265, 45)) == (0, 0, 128)


def test_a_top_is_laid_over_a_bottom_by_its_alpha() -> None:
    top = Image.new("RGBA", (120, 90), (200, 0, 0, 255))
    top.paste((0, 0, 200, 0), (0, 0, 60, 90))
    top.paste((0, 200, 0, 128), (60, 0, 120, 45))
    laid = paint(
        Over(Source(0, 120, 90), Source(1, 240, 180)),
        [encoded(top), encoded(Image.new("RGB", (240, 180), "white"))],
    )
    assert [laid.getpixel(at) for at in ((10, 10), (100, 80))] == [(255, 255, 255), (200, 0, 0)]
    assert laid.getpixel((100, 10)) == (127, 227, 127)


def test_a_tint_goes_towards_a_colour_or_the_mean_colour_of_a_picture() -> None:
    half = Image.new("RGBA", (10, 10), (0, 0, 200, 255))
    half.paste((90, 90, 90, 0), (0, 0, 10, 5))
    sources = [encoded(motley(mode="RGBA")), encoded(half)]
    tints: list[Step | str] = ["#0000c8", Source(1, 10, 10), Draw("x", 10, 10, palette=("#0000c8",))]
    one, other, drawn = (paint(Tint(PHOTO, by), sources) for by in tints)
    assert same(one, other)
    assert same(one.getchannel("A"), motley(mode="RGBA").getchannel("A"))
    blue = [ImageStat.Stat(picture.getchannel("B")).mean[0] for picture in (drawn, motley())]
    assert blue[0] > blue[1] + 20


def test_a_reference_stands_at_the_lower_centre_half_as_high_as_the_picture() -> None:
    ground = Draw("a hall", 300, 200)
    pasted = paint(Paste(Source(0, 60, 90), ground), [encoded(Image.new("RGB", (60, 90), "red"))])
    apart = ImageChops.difference(pasted, paint(ground, []))
    assert apart.getbbox() == (116, 100, 183, 200)
    assert pasted.getpixel((150, 150)) == (255, 0, 0)


def test_a_references_mask_is_its_alpha() -> None:
    mask = Image.new("L", (60, 90), 0)
    mask.paste(255, (0, 0, 30, 90))
    step = Paste(Source(0, 60, 90), Draw("a hall", 120, 180), mask=Source(1, 60, 90))
    pasted = paint(step, [encoded(Image.new("RGB", (60, 90), "red")), encoded(mask)])
    bare = paint(Draw("a hall", 120, 180), [])
    assert pasted.getpixel((35, 150)) == (255, 0, 0)
    assert pasted.getpixel((85, 150)) == bare.getpixel((85, 150))


def test_further_pictures_share_a_strip_at_the_right_edge() -> None:
    step: Step = PHOTO
    for slot in range(3):
        step = Paste(Source(1 + slot, 30, 40), step, "right-edge", slot=slot, slots=3)
    strips = [encoded(Image.new("RGB", (30, 40), colour)) for colour in ("red", "lime", "blue")]
    pasted = paint(step, [encoded(motley()), *strips])
    assert [pasted.getpixel((110, y)) for y in (15, 45, 75)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert same(pasted.crop((0, 0, 96, 90)), motley().crop((0, 0, 96, 90)))


def test_text_is_painted_over_in_its_blocks_and_nowhere_else() -> None:
    image = Image.new("RGB", (200, 100), "beige")
    pen = ImageDraw.Draw(image)
    for left in range(20, 180, 12):
        pen.rectangle((left, 30, left + 4, 50), fill="black")
    pen.rectangle((20, 80, 180, 85), fill="navy")
    clean = paint(
        WithoutText(Source(0, 200, 100), (Block(14, 25, 172, 31), Block(190, 90, 90, 90))), [encoded(image)]
    )
    assert clean.crop((0, 25, 200, 56)).getcolors() == [(200 * 31, (245, 245, 220))]
    assert same(clean.crop((0, 56, 200, 100)), image.crop((0, 56, 200, 100)))


def sources() -> list[bytes]:
    return [encoded(motley()), encoded(half_mask())]


EVERY_STEP: list[Step] = [
    PHOTO,
    Enlarge(77, 33, of=PHOTO),
    Draw("a fox", 77, 33, 4, ("#f00",)),
    Silhouette("a fox", 77, 33),
    Crop(PHOTO, 77, 33),
    Frame(PHOTO, 77, 33),
    Blend(PHOTO, DRAWN, 40),
    Masked(PHOTO, DRAWN, Source(1, 120, 90)),
    CutOut(PHOTO),
    Over(CutOut(PHOTO), DRAWN),
    Tint(PHOTO, DRAWN),
    Paste(PHOTO, DRAWN),
    Paste(PHOTO, DRAWN, "right-edge", mask=Source(1, 120, 90), slot=1, slots=3),
    WithoutText(PHOTO, (Block(10, 10, 90, 20),)),
]
KINDS = [f"{type(step).__name__}-{at}" for at, step in enumerate(EVERY_STEP)]


@pytest.mark.parametrize("step", EVERY_STEP, ids=KINDS)
def test_every_step_makes_the_same_picture_twice_in_the_size_it_tells(step: Step) -> None:
    made = paint(step, sources())
    assert made.size == size(step)
    assert same(made, paint(step, sources()))


def odd(name: str) -> Image.Image | bytes:
    match name:
        case "16-bit":
            deep = Image.new("I;16", (120, 90))
            deep.frombytes(bytes(range(240)) * 90)
            return deep
        case "animated webp":
            return (CORPUS / "odd" / "gen_webp_anim5.webp").read_bytes()
        case "animated png":
            return (CORPUS / "odd" / "pillow_apng_num_plays.png").read_bytes()
        case "1x1":
            return motley().resize((1, 1))
        case "very wide":
            return motley().resize((2000, 1))
        case "very high":
            return motley().resize((2, 2000))
        case mode:
            return motley().convert(mode)


@pytest.mark.parametrize(
    "name",
    ["1", "L", "LA", "P", "RGBA", "CMYK", "16-bit", "animated webp", "animated png", "1x1", "very wide", "very high"],
)  # fmt: skip
def test_every_step_takes_sources_of_every_kind_and_its_picture_can_be_encoded(name: str) -> None:
    made = odd(name)
    data = made if isinstance(made, bytes) else encoded(made, "JPEG" if name == "CMYK" else "PNG")
    first = opened(data)
    for step in EVERY_STEP:
        painted = paint(step, [data, data])
        assert painted.mode in ("L", "LA", "RGB", "RGBA")
        if not isinstance(step, Enlarge | Crop | Frame | Draw | Silhouette | Over | Tint | Paste):
            assert painted.size == first.size
        with Image.open(BytesIO(encode(painted, "PNG"))) as file:
            file.load()
            assert (file.size, file.mode) == (painted.size, painted.mode)


def test_a_profile_is_kept_by_the_step_that_keeps_the_pixels() -> None:
    profile: bytes = opened((CORPUS / "good" / "gen_png_icc.png").read_bytes()).info["icc_profile"]
    sent = [encoded(motley(), icc_profile=profile), encoded(half_mask())]
    drawn = (Draw, Silhouette)
    for step in EVERY_STEP:
        kept = paint(step, sent).info.get("icc_profile") == profile
        # What is pasted is a guest in the ground's colours.
        assert kept is not (
            isinstance(step, drawn) or (isinstance(step, Paste) and isinstance(step.onto, drawn))
        )


@pytest.mark.parametrize("step", [step for step in EVERY_STEP if not isinstance(step, Draw | Silhouette)])
def test_damage_that_only_decoding_finds_is_a_refusal(step: Step) -> None:
    data = (CORPUS / "bad" / "gen_png_zlib_short.png").read_bytes()
    with pytest.raises(ApiError) as caught:
        paint(step, [data, data])
    assert caught.value.problem is Problem.BROKEN_IMAGE
