"""Each way in which a result is not the original enlarged is told apart."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from fauxscale import assert_is_upscale_of
from tests.conftest import FIXTURES
from tests.pictures import doubled, opened, picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SIDEWAYS = (FIXTURES / "images" / "coffee.jpg").read_bytes()


def saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.jpg", "chelsea.webp"])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_a_doubled_picture_passes_whatever_it_is_packed_in(name: str, format: str) -> None:
    original = (FIXTURES / "images" / name).read_bytes()
    profile = opened(original).info.get("icc_profile")
    assert_is_upscale_of(saved(doubled(original), format, icc_profile=profile), original)


@pytest.mark.parametrize("scale", [1.5, 4])
def test_another_scale_may_be_asked_for(scale: float) -> None:
    original = picture()
    large = opened(original).resize((round(40 * scale), round(30 * scale)))
    assert_is_upscale_of(saved(large), original, scale)


@pytest.mark.parametrize(
    ("result", "original", "said"),
    [
        (picture(), picture(), "is the original itself, unchanged"),
        (picture("WEBP"), picture(), "has the size of the original: 40x30, expected 80x60"),
        (saved(opened(picture()).resize((20, 15))), picture(), "has the wrong size: 20x15, expected 80x60"),
        (saved(doubled(picture()).rotate(90, expand=True)), picture(), "width and height are swapped"),
        (saved(doubled(picture()).rotate(180)), picture(), "is turned by 180°"),
        (saved(opened(SIDEWAYS).resize((1200, 800))), SIDEWAYS, "the EXIF orientation of the original was ignored"),
        (
            saved(opened((FIXTURES / "images" / "astronaut.png").read_bytes()).resize((80, 60))),
            picture(),
            "shows a different picture",
        ),
        (saved(doubled(picture(mode="RGBA")).convert("RGB")), picture(mode="RGBA"), "lost its alpha: RGBA became RGB"),
        (saved(doubled(picture())), picture(icc_profile=PROFILE), "dropped the colour profile"),
        (b"<html>not a picture</html>", picture(), "is not a complete picture: 26 bytes"),
        (b"", picture(), "is empty"),
        (saved(doubled(picture()))[:-40], picture(), "is not a complete picture"),
    ],
    # Not the bytes: those of the profile hold the second they were made in, another one in another worker.
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_difference_is_named(result: bytes, original: bytes, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        assert_is_upscale_of(result, original)


def test_a_large_picture_is_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    original = picture()
    result = saved(doubled(original))
    for most in (80 * 60 - 1, 80 * 60 // 3):  # a warning, which is an error here, and an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        assert_is_upscale_of(result, original)
        assert most == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "original",
    [b"<html>", picture("JPEG")[:-40], b"", bytearray(b"no")],
    ids=["html", "cut", "empty", "array"],
)
def test_an_original_that_is_no_picture_is_said_to_be_none(original: bytes) -> None:
    with pytest.raises(AssertionError, match=r"the original is (not a complete picture: [\d,]+ bytes|empty)"):
        assert_is_upscale_of(saved(doubled(picture())), original)


@pytest.mark.parametrize(
    ("result", "original", "said"),
    [
        (b"", None, "the original must be the bytes of a picture, a path or an image, not NoneType: None"),
        (
            None,
            picture(),
            "the result must be the bytes of a picture, a path or an image, not NoneType: None",
        ),
        (7, picture(), "the result must be the bytes of a picture, a path or an image, not int: 7"),
    ],
)
def test_what_is_no_picture_at_all_is_named(result: Any, original: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        assert_is_upscale_of(result, original)


def test_files_and_images_are_taken_as_well_as_bytes(tmp_path: Path) -> None:
    original, result = picture(), saved(doubled(picture()))
    (tmp_path / "sent.png").write_bytes(original)
    (tmp_path / "result.png").write_bytes(result)
    assert_is_upscale_of(tmp_path / "result.png", str(tmp_path / "sent.png"))
    assert_is_upscale_of(opened(result), opened(original))
    with pytest.raises(AssertionError, match="has the size of the original"):
        assert_is_upscale_of(opened(original), tmp_path / "sent.png")
    with pytest.raises(FileNotFoundError, match=r"nosuch\.png"):
        assert_is_upscale_of(result, "nosuch.png")
