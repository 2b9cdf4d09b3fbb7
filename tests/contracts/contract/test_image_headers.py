"""Headers are read as Pillow reads them, from real files and from made ones, and never past their end."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fauxscale_contracts.contract.image_headers import Header, check_picture, read_header

FIXTURES = Path(__file__).parents[3] / "fixtures" / "images"
RULE = {"formats": ["PNG"], "maxBytes": 100, "maxPixels": 4, "unsure": ["maxPixels"]}


def encoded(kind: str, size: tuple[int, int], **options: object) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(2000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ("GIF", {}),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (37, 501)])
def test_format_and_size_are_read_from_the_header(
    kind: str, options: dict[str, object], size: tuple[int, int]
) -> None:
    assert read_header(encoded(kind, size, **options)) == Header(kind, *size)


def test_avif_is_known_by_name() -> None:
    header = read_header(encoded("AVIF", (8, 8)))
    assert header is not None
    assert header.format == "AVIF"


def test_photos_are_read_as_pillow_reads_them() -> None:
    for path in FIXTURES.iterdir():
        if path.suffix in (".png", ".jpg", ".webp"):
            with Image.open(path) as image:
                assert read_header(path.read_bytes()) == Header(str(image.format), *image.size)


def test_a_jpeg_with_junk_and_restarts_between_its_segments_is_read() -> None:
    data = encoded("JPEG", (20, 10))
    assert read_header(data[:2] + b"\x00\x00\xff\xff\xff\x01\xff\xd0" + data[2:]) is None
    assert read_header(data[:2] + b"\xff\xff\xff\x01\xff\xd0" + data[2:]) == Header("JPEG", 20, 10)
    assert read_header(data[:2] + b"\xff\x00\x7f\xff" + data[2:]) == Header("JPEG", 20, 10)


def test_a_table_of_a_jpeg_is_not_taken_for_its_frame() -> None:
    data = encoded("JPEG", (20, 10))
    for table in (0xC4, 0xC8, 0xCC):
        assert read_header(data[:2] + bytes([0xFF, table, 0, 10]) + bytes(8) + data[2:]) == Header(
            "JPEG", 20, 10
        )


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.integers(0, 400), st.binary(max_size=40))
def test_a_header_cut_anywhere_never_raises(kind: str, cut: int, tail: bytes) -> None:
    header = read_header(encoded(kind, (9, 9))[:cut] + tail)
    # What stands behind nearly nothing of it may be the beginning of another format.
    assert header is None or header.format == kind or cut < 4


def test_each_rule_is_judged_by_itself() -> None:
    def rules(data: bytes, **about: object) -> list[tuple[str, str]]:
        found = check_picture(RULE, data, "/at", **about)  # type: ignore[arg-type]  # passed through by name
        return [(one.rule.split()[0], one.severity) for one in found]

    tiny = encoded("PNG", (2, 2))
    assert rules(tiny) == []
    assert rules(tiny, size=101) == [("maxBytes", "would be rejected")]
    assert rules(encoded("PNG", (5, 1))) == [("maxPixels", "undocumented")]
    assert rules(encoded("GIF", (1, 1))) == [("formats", "would be rejected")]
    assert rules(tiny[:8]) == [("formats", "would be rejected")]
    assert rules(tiny[:8], size=len(tiny)) == []
    assert rules(tiny, label="image/webp; q=1") == [("the", "undocumented")]
    for vague in (None, "", "application/octet-stream", "IMAGE/PNG", "image/x-png"):
        assert rules(tiny, label=vague) == []
