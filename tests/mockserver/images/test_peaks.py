"""What is asked for covers what is taken: measured in processes of their own, on noise, which takes the most."""

from __future__ import annotations

import sys
from io import BytesIO

import pytest
from msgspec.structs import replace
from PIL import Image

from bench.memory import BEST, JUDGE, largest_photo, measure, noise, source
from fauxscale.images.formats import MEDIA_TYPES
from fauxscale.images.headers import jpeg_frame
from fauxscale.images.peaks import memory_to_encode, memory_to_enlarge, memory_to_judge
from fauxscale.images.probe import probe
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.images.structure import Rules
from tests.pictures import picture

SIDE = 1_100  # the result is large enough to be worked on in strips
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.mark.e2e
@on_linux
@pytest.mark.parametrize(
    ("format", "side"),
    [("PNG", SIDE), ("JPEG", SIDE), ("WEBP", SIDE), ("WEBP", 500), ("GIF", SIDE), ("AVIF", 500)],
)
def test_making_a_picture_takes_no_more_than_is_asked_for_and_nothing_afterwards(
    format: str, side: int
) -> None:
    one = measure(source("WebP, alpha", side), format, BEST)
    assert 0.4 < one.share <= 1
    assert one.kept < one.made + 16_000_000, "what was freed went back to the machine"


@pytest.mark.e2e
@on_linux
@pytest.mark.parametrize("name", ["PNG grey, 16 bit, transparent", "JPEG grey", "JPEG inks, progressive"])
def test_it_takes_no_more_whatever_the_picture_comes_as(name: str) -> None:
    assert measure(source(name, SIDE), "PNG", BEST).share <= 1


@pytest.mark.e2e
@on_linux
def test_the_largest_photo_is_made_in_200_mib() -> None:
    """Of its 100 million pixels no more than a strip is there at once."""
    photo = largest_photo()
    assert probe(photo).width * probe(photo).height == Rules().max_pixels
    assert measure(photo, "PNG", BEST).peak < 200 * 1024 * 1024


@pytest.mark.e2e
@on_linux
@pytest.mark.parametrize("name", ["WebP", "WebP, lossless, turned", "JPEG inks, progressive", "JPEG colour"])
def test_judging_takes_no_more_than_is_asked_for(name: str) -> None:
    assert measure(source(name, SIDE), JUDGE, BEST).share <= 1


@pytest.mark.parametrize("format", MEDIA_TYPES)
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_larger_results_and_more_channels_ask_for_more(format: str, scale: int) -> None:
    grey, alpha = probe(picture("PNG", 900, 900, "L")), probe(picture("PNG", 900, 900, "RGBA"))
    size = 900 * scale, 900 * scale
    assert memory_to_enlarge(grey, *size, format) <= memory_to_enlarge(alpha, *size, format)
    assert memory_to_enlarge(alpha, *size, format) < memory_to_enlarge(alpha, size[0], size[1] + 1, format)


def test_a_large_source_counts_where_the_result_is_small() -> None:
    source = probe(picture("WEBP", 2_000, 2_000))
    assert memory_to_enlarge(source, 20, 20, "JPEG") >= 16 * 2_000 * 2_000


def test_the_same_picture_in_a_thirstier_format_asks_for_more() -> None:
    recipe = Recipe(("sent",), Enlarge(2_000, 2_000), "JPEG", memory=memory_to_encode(2_000, 2_000, "JPEG"))
    assert recipe.in_format("AVIF").memory == memory_to_encode(2_000, 2_000, "AVIF")
    assert recipe.in_format("PNG") == replace(recipe, format="PNG")


def test_what_is_refused_or_not_decoded_asks_for_its_bytes_alone() -> None:
    for data in (picture("PNG", 3_000, 200), picture("WEBP", 3_000, 200), b"GIF89a", b""):
        assert memory_to_judge(data, Rules(max_pixels=500_000)) == 2 * len(data)
    assert memory_to_judge(picture("WEBP", 3_000, 200), Rules()) > 16 * 3_000 * 200


@pytest.mark.parametrize(
    ("mode", "options", "found"),
    [
        ("L", {}, (60, 40, 1, False)),
        ("RGB", {}, (60, 40, 3, False)),
        ("RGB", {"progressive": True}, (60, 40, 3, True)),
        ("CMYK", {"progressive": True}, (60, 40, 4, True)),
    ],
)
def test_the_header_of_a_jpeg_says_what_its_decoder_will_hold(
    mode: str, options: dict[str, object], found: tuple[int, int, int, bool]
) -> None:
    data = picture("JPEG", 60, 40, mode, exif=b"Exif\0\0" + b"\xff\xc0" * 40, **options)
    frame = jpeg_frame(data)
    assert frame is not None
    assert (frame.width, frame.height, frame.samples, frame.is_buffered) == found


def test_the_colours_of_a_jpeg_in_scans_of_their_own_are_held_until_the_last() -> None:
    data = picture("JPEG", 60, 40)
    at = data.index(b"\xff\xda")
    one_colour = data[: at + 4] + b"\1" + data[at + 5 :]
    frame = jpeg_frame(one_colour)
    assert frame is not None
    assert frame.is_buffered


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xda",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\0" + b"junk" * 50_000,
        b"\xff\xd8" + b"\xff\1" * 9_000,
    ],
)
def test_a_jpeg_that_does_not_say_asks_for_the_worst(data: bytes) -> None:
    assert jpeg_frame(data) is None
    assert memory_to_judge(data + b"\xff" * 10, Rules(max_pixels=1_000_000)) > 8_000_000


def test_noise_is_of_every_mode_and_no_two_are_alike() -> None:
    for mode in ("L", "LA", "RGB", "RGBA", "P", "I;16", "CMYK"):
        one, other = noise(8, mode), noise(8, mode)
        assert one.mode == mode
        assert one.tobytes() != other.tobytes()
        file = BytesIO()
        one.save(file, "TIFF")
        assert Image.open(file).size == (8, 8)
