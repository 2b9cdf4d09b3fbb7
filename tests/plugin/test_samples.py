"""Sample pictures are what was asked for, and the bad ones are bad in the way their name says."""

from __future__ import annotations

import io

import pytest
from PIL import Image, UnidentifiedImageError

from pytest_fauxscale.samples import SampleImages
from tests.pictures import opened

sample = SampleImages()


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "I;16"),
        ("PNG", "1"),
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
    ],
)
def test_a_sample_has_the_format_size_and_mode_asked_for(format: str, mode: str) -> None:
    image = opened(sample(format, 64, 20, mode=mode))
    assert (image.format, image.size, image.mode) == (format, (64, 20), mode)


def test_a_sample_can_lie_on_its_side() -> None:
    for format in ("JPEG", "PNG", "WEBP"):  # noqa: A001  # the parameter's name
        assert opened(sample(format, exif_orientation=6)).getexif()[0x0112] == 6
        assert 0x0112 not in opened(sample(format)).getexif()


def test_turned_or_mirrored_samples_look_different() -> None:
    image = opened(sample())
    turns = {image.transpose(turn).tobytes() for turn in Image.Transpose} | {image.tobytes()}
    assert len(turns) == len(Image.Transpose) + 1


def test_the_same_words_give_the_same_bytes() -> None:
    assert sample("JPEG", 30, 40) == SampleImages()("JPEG", 30, 40)


def test_an_oversized_sample_is_a_good_picture_of_exactly_that_many_bytes() -> None:
    data = sample.oversized()
    assert len(data) == 10 * 1024 * 1024 + 1
    assert opened(data).size == (64, 48)
    assert len(sample.oversized(5000)) == 5000
    with pytest.raises(ValueError, match="no picture has only 10 bytes"):
        sample.oversized(10)


def test_a_truncated_sample_opens_and_does_not_load() -> None:
    for format in ("JPEG", "PNG", "WEBP"):  # noqa: A001  # the parameter's name
        with pytest.raises(OSError, match=r"truncated|could not|cannot"):
            opened(sample.truncated(format, 200, 100))


def test_what_is_not_an_image_is_not_one() -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(sample.not_an_image()))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match="JPEG cannot hold mode RGBA"):
        sample("JPEG", mode="RGBA")
    with pytest.raises(ValueError, match="no sample of format 'PSD': choose from PNG, JPEG"):
        sample("PSD")
    with pytest.raises(ValueError, match="GIF holds no EXIF"):
        sample("GIF", exif_orientation=6)
