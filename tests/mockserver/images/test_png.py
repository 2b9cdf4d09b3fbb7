"""PNG files of our own: every pixel, the profile and the maker are in them, whichever library compresses."""

from __future__ import annotations

import sys
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from fauxscale.images import png
from fauxscale.images.probe import identify
from fauxscale.images.structure import Rules, dissect

LAX = Rules(2**62, 2**62, 2**62, 2**62, decode_up_to=2**62, max_side=2**62)


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that compresses."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """Pixels that no two rows or strips have in common."""
    bands = [Image.effect_noise(size, 90) for _ in mode]
    return Image.merge(mode, bands) if len(bands) > 1 else bands[0]


def opened(data: bytes) -> Image.Image:
    """The picture in a file that is sound: every chunk in its order, its checksum right, nothing behind the end."""
    dissect(data, identify(data), LAX)
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 9), (640, 480)])
def test_every_pixel_is_there(mode: str, size: tuple[int, int]) -> None:
    picture = noise(mode, size)
    found = opened(png.write_png(picture, software="x"))
    assert (found.format, found.mode, found.size) == ("PNG", mode, size)
    assert found.tobytes() == picture.tobytes()


@pytest.mark.parametrize("strip", [1, 90, 91, 1000])
def test_strips_meet_without_a_seam(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_STRIP", strip)
    picture = noise("RGB", (15, 40))
    assert opened(png.write_png(picture, software="x")).tobytes() == picture.tobytes()


def test_the_profile_and_the_maker_are_told() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = opened(png.write_png(noise("RGB", (4, 4)), software="fauxscale", profile=profile))
    assert found.info == {"icc_profile": profile, "Software": "fauxscale"}
