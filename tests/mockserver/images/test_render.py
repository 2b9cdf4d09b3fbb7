"""What comes out: the pixels of an enlarged picture, and what is and is not written beside them."""

from __future__ import annotations

import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat
from PIL.PngImagePlugin import PngInfo

from fauxscale.errors import ApiError, Problem
from fauxscale.images import render
from fauxscale.images.drawing import draw
from fauxscale.images.formats import MEDIA_TYPES, sniff
from fauxscale.images.probe import probe
from fauxscale.images.render import encode, enlarge, write_enlarged_png

CORPUS = Path(__file__).parents[3] / "fixtures" / "corpus"
FORMATS = sorted(MEDIA_TYPES)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def read(data: bytes) -> Image.Image:
    """A decoded picture, its metadata in `info`."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


PROFILE: bytes = read((CORPUS / "good" / "gen_png_icc.png").read_bytes()).info["icc_profile"]


def lanczos(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly


def motley(mode: str = "RGB") -> Image.Image:
    """A small picture in which no two corners, rows or channels are alike."""
    ramp = Image.linear_gradient("L").resize((23, 17))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly
    bands = [ramp, ramp.transpose(Image.Transpose.ROTATE_180), Image.radial_gradient("L").resize((23, 17))]  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly
    image = Image.merge("RGBA", [*bands, ImageChops.screen(bands[0], bands[2])])
    image.paste((255, 0, 0, 255), (0, 0, 5, 3))
    return image.convert(mode)


def same(one: Image.Image, other: Image.Image) -> bool:
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def png(
    width: int, height: int, depth: int, colour: int, rows: list[bytes], *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG written by hand, for what Pillow reads and does not write."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((depth, colour, 0, 0, 0))
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in parts
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_plain_picture_is_the_lanczos_enlargement_of_itself(mode: str) -> None:
    image = motley(mode)
    assert same(enlarge(saved(image, "PNG"), 46, 34), lanczos(image, (46, 34)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_large_picture_made_in_strips_is_the_one_that_is_made_at_once(mode: str) -> None:
    image = lanczos(motley(mode), (1_001, 811))
    data = saved(image, "PNG")
    assert same(enlarge(data, 2_002, 1_622), lanczos(image, (2_002, 1_622)))
    for width, height in ((1_307, 1_059), (3_000, 90 * 2)):
        difference = ImageChops.difference(enlarge(data, width, height), lanczos(image, (width, height)))
        assert all(max(band.tobytes()) <= 1 for band in difference.split())


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_a_lossy_picture_is_the_enlargement_of_what_its_decoder_shows(format: str) -> None:
    data = saved(motley("RGB"), format)
    assert same(enlarge(data, 46, 34), lanczos(read(data), (46, 34)))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_every_orientation_is_turned_before_it_is_enlarged(format: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = saved(motley("RGB"), format, exif=exif)
    shown = ImageOps.exif_transpose(read(data))
    picture = probe(data)
    assert picture.size == shown.size
    double = (shown.width * 2, shown.height * 2)
    assert same(enlarge(data, *double), lanczos(shown, double))


def test_a_palette_becomes_colours_before_it_is_enlarged() -> None:
    image = motley("RGB").quantize(16)
    assert same(enlarge(saved(image, "PNG"), 46, 34), lanczos(image.convert("RGB"), (46, 34)))


def test_a_transparent_palette_entry_becomes_alpha() -> None:
    data = saved(motley("RGB").quantize(16), "PNG", transparency=3)
    assert same(enlarge(data, 46, 34), lanczos(read(data).convert("RGBA"), (46, 34)))
    assert read(data).convert("RGBA").getchannel("A").getextrema() == (0, 255)


def test_black_and_white_becomes_grey() -> None:
    image = motley("L").convert("1")
    assert same(enlarge(saved(image, "PNG"), 46, 34), lanczos(image.convert("L"), (46, 34)))


def test_cmyk_becomes_the_colours_a_viewer_shows() -> None:
    large = enlarge(saved(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=100), 32, 32)
    assert large.mode == "RGB"
    red, green, blue = large.getpixel((16, 16))  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]  # Pillow types this but partly
    assert red < 5
    assert green > 250
    assert blue > 250


def test_sixteen_bit_grey_keeps_its_upper_eight_bits() -> None:
    values = [0x0000, 0x00FF, 0x0100, 0x7FFF, 0x8000, 0xFEFF, 0xFFFF]
    data = png(7, 1, 16, 0, [b"".join(v.to_bytes(2, "big") for v in values)])
    large = enlarge(data, 7, 1)
    assert large.mode == "L"
    assert list(large.tobytes()) == [v >> 8 for v in values]


def test_the_transparent_value_of_sixteen_bit_grey_is_compared_in_full() -> None:
    data = png(3, 1, 16, 0, [b"\x12\x34\x12\x35\x34\x12"], (b"tRNS", b"\x12\x34"))
    assert enlarge(data, 3, 1).getchannel("A").tobytes() == b"\0\xff\xff"


def test_the_transparent_value_of_few_bit_grey_is_widened_with_the_pixels() -> None:
    data = png(4, 1, 2, 0, [b"\x1b"], (b"tRNS", b"\0\2"))
    large = enlarge(data, 4, 1)
    assert large.getchannel("L").tobytes() == b"\x00\x55\xaa\xff"
    assert large.getchannel("A").tobytes() == b"\xff\xff\0\xff"


@pytest.mark.parametrize(("depth", "key"), [(8, b"\0\1\0\2\0\3"), (16, b"\1\x80\2\x80\3\x80")])
def test_a_transparent_colour_becomes_alpha(depth: int, key: bytes) -> None:
    pixel = key[1::2] if depth == 8 else key
    data = png(2, 1, depth, 2, [pixel + b"\x09" * len(pixel)], (b"tRNS", key))
    large = enlarge(data, 2, 1)
    assert large.getpixel((0, 0)) == (1, 2, 3, 0)
    assert large.getpixel((1, 0)) == (9, 9, 9, 255)


@pytest.mark.parametrize(
    "name", ["odd/gen_webp_anim5.webp", "odd/pillow_apng_num_plays.png", "odd/gen_mpo_2.jpg"]
)
def test_an_animation_gives_its_first_frame(name: str) -> None:
    data = (CORPUS / name).read_bytes()
    frame = read(data)
    assert getattr(frame, "n_frames", 1) > 1
    size = (frame.width * 2, frame.height * 2)
    assert same(enlarge(data, *size), lanczos(frame, size))


def test_the_size_asked_for_is_met_exactly() -> None:
    assert enlarge(saved(motley(), "PNG"), 61, 7).size == (61, 7)


def test_damage_that_only_decoding_finds_is_a_refusal() -> None:
    data = (CORPUS / "bad" / "gen_png_zlib_short.png").read_bytes()
    with pytest.raises(ApiError) as caught:
        enlarge(data, 128, 128)
    assert caught.value.problem is Problem.BROKEN_IMAGE


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_of_the_format_asked_for_and_says_who_made_it(format: str) -> None:
    data = encode(motley(), format)
    image = read(data)
    assert (image.format, image.size) == (format, (23, 17))
    assert sniff(data) == format
    told = {str(image.info.get("Software")), str(image.getexif().get(0x0131)), str(image.info.get("comment"))}
    assert told & {"fauxscale", "b'Software: fauxscale'"}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_png_holds_exactly_the_pixels_given(mode: str) -> None:
    assert same(read(encode(motley(mode), "PNG")), motley(mode))


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_where_the_format_has_it(format: str, mode: str) -> None:
    image = read(encode(motley(mode), format)).getchannel("A")
    difference = ImageChops.difference(image, motley(mode).getchannel("A"))
    assert difference.getextrema()[1] <= 16  # type: ignore[operator]  # Pillow types this but partly


@pytest.mark.parametrize("format", ["JPEG", "GIF"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_laid_on_white_where_the_format_has_none(format: str, mode: str) -> None:
    image = read(encode(Image.new(mode, (16, 16)), format)).convert("RGB")
    assert image.convert("L").getextrema()[0] >= 250  # type: ignore[operator]  # Pillow types this but partly


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_pictures_of_any_mode_can_be_written(format: str, mode: str) -> None:
    assert read(encode(Image.new(mode, (8, 4)), format)).size == (8, 4)


@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_the_colour_profile_is_carried_through(source: str, format: str) -> None:
    large = enlarge(saved(motley("RGB"), source, icc_profile=PROFILE), 46, 34)
    assert read(encode(large, format)).info.get("icc_profile") == PROFILE


def test_a_broken_colour_profile_is_carried_and_never_run() -> None:
    large = enlarge(saved(motley("RGB"), "PNG", icc_profile=b"not a profile"), 46, 34)
    assert read(encode(large, "PNG")).info["icc_profile"] == b"not a profile"


def test_a_profile_of_inks_is_dropped_with_the_inks() -> None:
    profile = PROFILE[:16] + b"CMYK" + PROFILE[20:]
    large = enlarge(saved(motley("RGB").convert("CMYK"), "JPEG", icc_profile=profile), 46, 34)
    assert "icc_profile" not in large.info


@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("format", FORMATS)
def test_no_metadata_of_the_input_is_in_the_output(source: str, format: str) -> None:
    secret = b"whereabouts-of-the-photographer"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    text = PngInfo()
    text.add_text("Comment", secret.decode())
    data = saved(motley("RGB"), source, exif=exif, xmp=secret, comment=secret, pnginfo=text, dpi=(311, 311))
    data += secret
    assert data.count(secret) >= 3
    large = enlarge(data, 46, 34)
    out = encode(large, format)
    assert large.info == {}
    assert secret not in out
    image = read(out)
    assert set(image.getexif()) <= {0x0131}
    assert "xmp" not in image.info
    assert image.info.get("dpi") != (311, 311)


def test_quality_changes_the_size_of_lossy_files() -> None:
    image = lanczos(motley(), (230, 170))
    for kind in ("JPEG", "WEBP", "AVIF"):
        assert len(encode(image, kind, quality=20)) < len(encode(image, kind, quality=95))


def test_a_picture_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        encode(Image.new("L", (16_384, 1)), "WEBP")
    assert caught.value.problem is Problem.RESULT_TOO_LARGE


def test_threads_may_write_one_picture_in_different_ways() -> None:
    image = lanczos(motley("RGBA"), (230, 170))
    image.info = {"icc_profile": PROFILE, "dpi": (72, 72)}
    ways = [(kind, quality) for kind in FORMATS for quality in (10, 95)] * 4

    def write(way: tuple[str, int]) -> bytes:
        return encode(image, way[0], quality=way[1])

    alone = [write(way) for way in ways]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(write, ways))
    assert together == alone
    assert image.info == {"icc_profile": PROFILE, "dpi": (72, 72)}


def test_threads_may_enlarge_at_once() -> None:
    names = ["good/gen_jpeg_exif6.jpg", "good/gen_png_P_trns.png", "good/gen_webp_alpha.webp"] * 8
    files = [(CORPUS / name).read_bytes() for name in names]

    def large(data: bytes) -> bytes:
        return enlarge(data, 64, 96).tobytes()

    alone = [large(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(large, files)) == alone


def test_a_drawing_has_the_size_asked_for_and_is_the_same_every_time() -> None:
    data = draw("a red fox in the snow", 640, 360)
    assert probe(data).size == (640, 360)
    assert same(read(data), read(draw("a red fox in the snow", 640, 360)))
    assert not same(read(data), read(draw("a red fox in the fog", 640, 360)))
    assert len(read(data).convert("RGB").getcolors(10**6) or ()) > 100


def test_a_drawing_does_not_tell_its_prompt() -> None:
    data = draw("my secret plan", 64, 64)
    assert b"secret" not in data
    assert set(read(data).info) == {"Software"}


@pytest.mark.parametrize("prompt", ["", "\ud800", "狐" * 5000])
def test_any_prompt_can_be_drawn_in_any_shape(prompt: str) -> None:
    for size in ((1, 1), (1, 900), (900, 1)):
        assert probe(draw(prompt, *size)).size == size


def test_a_picture_whose_description_a_webp_file_has_no_room_for_is_encoded_less_well() -> None:
    noise = Image.frombytes("RGB", (4_000, 4_000), random.Random(1).randbytes(4_000 * 4_000 * 3))
    with pytest.raises(ValueError, match="encoding error 6"):
        noise.save(BytesIO(), "WEBP", quality=90, method=0)
    made = encode(noise, "WEBP")
    assert sniff(made) == "WEBP"
    with Image.open(BytesIO(made)) as opened:
        assert opened.size == (4_000, 4_000)


def smooth(mode: str, width: int, height: int) -> Image.Image:
    """A large picture that every encoder holds well."""
    return lanczos(motley(mode), (width, height))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("size", [(2_001, 2_001), (4_002, 1_000)], ids=["odd", "even"])
def test_a_large_webp_has_its_transparency_exactly_and_its_profile(mode: str, size: tuple[int, int]) -> None:
    image = smooth(mode, *size)
    image.info["icc_profile"] = PROFILE
    data = encode(image, "WEBP")
    assert probe(data).has_alpha
    written = read(data)
    assert (written.mode, written.size, written.info["icc_profile"]) == ("RGBA", size, PROFILE)
    assert same(written.getchannel("A"), image.getchannel("A"))
    assert written.getexif()[0x0131] == "fauxscale"
    difference = ImageChops.difference(written.convert("RGB"), image.convert("RGB"))
    assert sum(ImageStat.Stat(difference).mean) < 6


def test_a_large_gif_has_256_colours_near_those_of_the_picture() -> None:
    image = smooth("RGB", 1_400, 1_000)
    written = read(encode(image, "GIF"))
    assert (written.mode, written.size) == ("P", (1_400, 1_000))
    assert 200 < len(written.convert("RGB").getcolors(10**6) or ()) <= 256
    assert max(ImageStat.Stat(ImageChops.difference(written.convert("RGB"), image)).mean) < 8


def test_a_large_picture_is_laid_on_white_like_a_small_one() -> None:
    image = smooth("RGBA", 1_500, 900)
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    written = read(encode(image, "JPEG", quality=95))
    assert max(ImageStat.Stat(ImageChops.difference(written, ground.convert("RGB"))).mean) < 2


def test_encoding_leaves_the_picture_to_whoever_has_it() -> None:
    for mode in ("L", "LA", "RGB", "RGBA"):
        image = motley(mode)
        for one in FORMATS:
            encode(image, one)
        assert same(image, motley(mode))
        assert image.info == {}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(30, 20), (2_000, 1_200), (1_100, 1_001)], ids=str)
def test_a_png_written_as_it_is_enlarged_has_the_pixels_of_one_that_was_enlarged_before(
    mode: str, size: tuple[int, int]
) -> None:
    """A strip at a time beyond a million pixels."""
    notes = PngInfo()
    notes.add_text("Comment", "taken at home")
    data = saved(smooth(mode, 700, 600), "PNG", icc_profile=PROFILE, pnginfo=notes)
    whole = read(encode(enlarge(data, *size), "PNG"))
    strips = read(write_enlarged_png(render.read(data), *size))
    assert (strips.mode, strips.size) == (mode, size)
    assert strips.tobytes() == whole.tobytes()
    assert strips.info == whole.info
