"""What uploads are accepted, what they are taken for, and how the others are refused."""

from __future__ import annotations

import csv
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from fauxscale.errors import ApiError, Problem
from fauxscale.images.formats import EXTENSIONS, MEDIA_TYPES, check_fits, sniff
from fauxscale.images.peaks import memory_to_judge
from fauxscale.images.probe import Picture, probe
from fauxscale.images.render import encode, enlarge
from fauxscale.images.structure import Rules, dissect

CORPUS = Path(__file__).parents[3] / "fixtures" / "corpus"
PATIENCE = 2.0  # seconds of processor time one corpus picture may take
VERDICTS: dict[str, set[str]] = {
    "A": {"accepted"},
    "A1": {"accepted"},
    "400": {Problem.UNSUPPORTED_FORMAT},
    "422": {Problem.BROKEN_IMAGE, Problem.TOO_MANY_PIXELS},
    "A-or-4xx": {"accepted", Problem.UNSUPPORTED_FORMAT, Problem.BROKEN_IMAGE, Problem.TOO_MANY_PIXELS},
}


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def corpus(name: str) -> bytes:
    return (CORPUS / name).read_bytes()


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """One PNG chunk."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def refusal(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded while the test ran: format and size."""
    seen: list[str] = []
    load = ImageFile.ImageFile.load

    def noted(self: ImageFile.ImageFile) -> Any:
        seen.append(f"{self.format} {self.width}x{self.height}")
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noted)
    return seen


def test_every_corpus_picture_is_answered_as_its_manifest_says() -> None:
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [r for r in rows if "/json/" not in r["file"] and not r["file"].startswith("odd/strings/")]
    wrong: list[str] = []
    count: Counter[str] = Counter()
    for row in rows:
        data = corpus(row["file"])
        started = time.process_time()
        verdict: str = "accepted"
        try:
            picture = probe(data)
            if row["expect"] in ("A", "A1"):
                double = (picture.width * 2, picture.height * 2)
                large = enlarge(data, *double)
                if large.width * large.height <= 1_000_000:
                    with Image.open(BytesIO(encode(large, "PNG"))) as large:
                        large.load()
                shown = tuple(int(side) for side in row["guarded_2x"].split()[0].split("x"))
                if large.size != double or double != shown:
                    wrong.append(f"{row['file']}: {double} wanted, {shown} shown, {large.size} made")
        except ApiError as error:
            verdict = error.problem
        spent = time.process_time() - started
        count[f"{row['expect']} {verdict}"] += 1
        if verdict not in VERDICTS[row["expect"]] or spent > PATIENCE:
            wrong.append(f"{row['file']}: {verdict} after {spent:.1f} s, expected {row['expect']}")
    verdicts = ", ".join(f"{kind}: {number}" for kind, number in sorted(count.items()))
    print(f"{len(rows) - len(wrong)} of {len(rows)} corpus pictures as written ({verdicts})")
    assert wrong == []
    assert len(rows) == 772


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_plain_picture_is_described_as_it_is(format: str) -> None:
    profile = b"\0" * 16 + b"RGB " + b"\0" * 108
    data = saved(Image.new("RGB", (30, 20), "teal"), format, icc_profile=profile)
    assert probe(data) == Picture(
        format=format,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # Pillow types this but partly
        width=30,
        height=20,
        mode="RGB",
        orientation=1,
        has_alpha=False,
        has_profile=True,
        animated=False,
    )


def test_megapixels_are_millions_of_shown_pixels() -> None:
    picture = probe(saved(Image.new("L", (500, 400)), "PNG"))
    assert (picture.size, picture.megapixels) == ((500, 400), 0.2)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_width_and_height_are_those_a_viewer_shows(format: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    picture = probe(saved(Image.new("RGB", (30, 20)), format, exif=exif))
    assert (picture.orientation, picture.size) == (turn, (20, 30) if turn >= 5 else (30, 20))


def test_an_orientation_told_by_xmp_alone_counts() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert probe(saved(Image.new("RGB", (30, 20)), "JPEG", xmp=xmp)).size == (20, 30)


def test_an_orientation_in_imagemagicks_text_chunk_counts() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    note = PngInfo()
    note.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes()):8}\n{exif.tobytes().hex()}\n")
    assert probe(saved(Image.new("RGB", (30, 20)), "PNG", pnginfo=note)).size == (20, 30)


@pytest.mark.parametrize(
    "exif",
    [
        b"MM@*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x06\0\0",
        b"XX\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x06\0\0",
        b"MM\0*\0\0\0\x08\0\1\1\x12\0\2\0\0\0\1\0\x06\0\0",
        b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0",
        b"MM\0*\xff\xff\xff\xff",
        b"MM",
    ],
    ids=["magic", "byte order", "text", "nine", "lost directory", "cut"],
)
def test_an_orientation_that_makes_no_sense_is_no_turn(exif: bytes) -> None:
    assert probe(saved(Image.new("RGB", (30, 20)), "JPEG", exif=b"Exif\0\0" + exif)).size == (30, 20)


@pytest.mark.parametrize("side", [30, 800])
def test_a_turn_written_after_the_pixels_of_a_png_counts(side: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.new("RGB", (side, 700)), "PNG")
    data = data[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:]
    assert probe(data).size == (700, side)
    assert enlarge(data, 7, 8).size == (7, 8)


def test_alpha_is_seen_in_a_palette_and_in_a_transparent_colour() -> None:
    assert probe(corpus("good/gen_png_P_trns.png")).has_alpha
    assert probe(corpus("odd/gen_png_trns_rgb.png")).has_alpha
    assert not probe(corpus("good/gen_png_P.png")).has_alpha


def test_a_phones_multi_picture_file_is_a_jpeg_and_no_animation() -> None:
    picture = probe(corpus("odd/pillow_frozenpond.mpo"))
    assert (picture.format, picture.animated) == ("JPEG", False)


@pytest.mark.parametrize("name", ["odd/gen_webp_anim5.webp", "odd/pillow_apng_num_plays.png"])
def test_an_animation_is_recognised(name: str) -> None:
    assert probe(corpus(name)).animated


def test_frames_past_the_first_are_never_decoded() -> None:
    started = time.process_time()
    probe(corpus("bad/bomb/gen_webp_anim_6mpx_60.webp"))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\x04\0\0\0WEBP", "WEBP"),
        (b"GIF89a", "GIF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"%PDF-1.7", "PDF"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg xmlns=", "SVG"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"url": "https://example.com/cat.png"}', "JSON"),
        (b"data:image/png;base64,iVBORw0KGgo", "data URI"),
        (b"iVBORw0KGgoAAAANSUhEUg==", "base64 text"),
        (b"", None),
        (b" \x89PNG\r\n\x1a\n", None),
        (b"RIFF\x04\0\0\0WAVE", None),
    ],
)
def test_bytes_are_named_by_what_they_start_with(data: bytes, name: str | None) -> None:
    assert sniff(data) == name


@pytest.mark.parametrize("format", ["BMP", "TIFF", "AVIF", "GIF"])
def test_other_formats_are_named_and_refused(format: str) -> None:
    error = refusal(lambda: probe(saved(Image.new("RGB", (8, 8)), format)))
    assert (error.problem, error.details["received"]) == (Problem.UNSUPPORTED_FORMAT, format)
    assert format in error.reason


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"\r\n\x89PNG\r\n\x1a\n", "byte 2"),
        (b"\x89PNG\n\x1a\n\0\0", "text-mode"),
        (b"\0\0\0\0", "00 00 00 00"),
    ],
)
def test_the_reason_of_a_refusal_says_what_happened_to_the_file(data: bytes, told: str) -> None:
    assert told in refusal(lambda: probe(data)).reason


def test_a_picture_of_exactly_the_pixel_limit_is_accepted_and_one_row_more_is_not() -> None:
    rules = Rules(max_pixels=600)
    assert probe(saved(Image.new("RGB", (30, 20)), "PNG"), rules).size == (30, 20)
    error = refusal(lambda: probe(saved(Image.new("RGB", (30, 21)), "PNG"), rules))
    assert error.problem is Problem.TOO_MANY_PIXELS
    assert dict(error.details) == {"width": 30, "height": 21, "limit": 600}
    assert "600" in error.reason
    assert "30x21" in error.reason


@pytest.mark.parametrize(
    "name",
    [
        "gen_jpg_9400_flat.jpg",
        "gen_png_50000x50000_1bit.png",
        "gen_png_9000_header_no_pixels.png",
        "gen_png_20000x20000_interlaced.png",
        "gen_webp_9400_lossless.webp",
    ],
)
def test_a_pixel_bomb_is_refused_from_its_header(name: str, decoded: list[str]) -> None:
    data = corpus(f"bad/bomb/{name}")
    spent: list[float] = []
    for _ in range(3):
        started = time.process_time()
        assert refusal(lambda: probe(data)).problem is Problem.TOO_MANY_PIXELS
        spent.append(time.process_time() - started)
    assert min(spent) < 0.02
    assert decoded == []


def canvas(kind: str, width: int, height: int) -> bytes:
    """A small file that claims a large picture: an animated WebP, and a PNG with one chunk of pixels."""
    if kind == "PNG":
        data = bytearray(saved(Image.new("L", (1, 1)), "PNG"))
        data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        return bytes(data)
    data = bytearray((CORPUS / "found" / "pictures-wide-animated-canvas.webp").read_bytes())
    data[24:27], data[27:30] = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
@pytest.mark.parametrize("size", [(4_194_311, 5), (1, 65_536), (65_536, 7)])
def test_a_side_that_no_result_could_have_is_refused_from_the_header(
    kind: str, size: tuple[int, int], decoded: list[str]
) -> None:
    data = canvas(kind, *size)
    error = refusal(lambda: probe(data))
    assert error.problem is Problem.RESULT_TOO_LARGE
    assert error.details == {"width": size[0], "height": size[1], "limit": 65_535}
    assert decoded == []
    assert memory_to_judge(data, Rules()) == 2 * len(data), "and asks for no memory to be decoded in"


def test_a_side_of_the_limit_is_decoded() -> None:
    assert probe(canvas("WEBP", 65_535, 1)).size == (65_535, 1)


def test_a_scan_bomb_is_refused_before_it_is_decoded(decoded: list[str]) -> None:
    error = refusal(lambda: probe(corpus("bad/bomb/gen_jpg_scans_5000px_2000.jpg")))
    assert error.problem is Problem.BROKEN_IMAGE
    assert "100 scans" in error.reason
    assert decoded == []


@pytest.fixture(scope="module")
def progressive() -> bytes:
    return saved(Image.radial_gradient("L").convert("RGB"), "JPEG", progressive=True)


def test_a_jpeg_of_exactly_the_allowed_scans_is_accepted_and_one_more_is_not(progressive: bytes) -> None:
    scans = progressive.count(b"\xff\xda")
    assert scans > 2
    assert probe(progressive, Rules(max_scans=scans)).size == (256, 256)
    error = refusal(lambda: probe(progressive, Rules(max_scans=scans - 1)))
    assert error.problem is Problem.BROKEN_IMAGE


def test_scan_marks_inside_metadata_or_behind_the_end_are_not_scans(progressive: bytes) -> None:
    marks = b"\xff\xda\0\2" * 50
    comment = b"\xff\xfe" + (len(marks) + 2).to_bytes(2, "big") + marks
    second = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    data = (
        progressive[:2] + comment + progressive[2:second] + comment + progressive[second:] + b"\0\2" + marks
    )
    assert probe(data, Rules(max_scans=progressive.count(b"\xff\xda"))).size == (256, 256)


def test_a_jpegs_decoder_is_handed_what_paints_and_nothing_else() -> None:
    def segment(code: int, body: bytes) -> bytes:
        return bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body

    plain = saved(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=b"a profile")
    notes = (b"Exif\0\0MM", b"MPF\0MM\0*", b"Photoshop 3.0\08BIM", b"a comment")
    codes = (0xE1, 0xE2, 0xED, 0xFE)
    data = plain[:2] + b"".join(map(segment, codes, notes)) + b"junk" + plain[2:]
    assert dissect(data, "JPEG", Rules()).paint == plain
    assert b"a profile" in plain
    assert b"Adobe" in plain


def test_a_jpeg_is_read_to_its_end_at_an_eighth_of_its_size(progressive: bytes, decoded: list[str]) -> None:
    probe(progressive)
    assert decoded == ["JPEG 32x32"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("bad/gen_jpg_dqt_flood.jpg", "1000 segments"), ("odd/gen_png_20000_empty_idat.png", "10000 chunks")],
)
def test_a_flood_of_parts_is_refused_before_it_is_decoded(name: str, told: str, decoded: list[str]) -> None:
    error = refusal(lambda: probe(corpus(name)))
    assert error.problem is Problem.BROKEN_IMAGE
    assert told in error.reason
    assert decoded == []


def test_a_webp_of_too_many_chunks_is_refused() -> None:
    error = refusal(lambda: probe(corpus("odd/gen_webp_anim_500.webp"), Rules(max_chunks=50)))
    assert "50 chunks" in error.reason


@pytest.fixture(scope="module")
def large_png() -> bytes:
    return saved(Image.radial_gradient("L").resize((1000, 600)), "PNG")  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly


def test_a_large_png_is_not_decoded_and_a_small_one_is(large_png: bytes, decoded: list[str]) -> None:
    assert probe(large_png).size == (1000, 600)
    assert decoded == []
    probe(large_png, Rules(decode_up_to=600_000))
    assert decoded == ["PNG 1000x600"]


def cut(data: bytes) -> bytes:
    return data[:-1]


def flipped(data: bytes) -> bytes:
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


def without_pixels(data: bytes) -> bytes:
    return data[:33] + data[-12:]


def bits_of_three(data: bytes) -> bytes:
    return data[:24] + b"\3" + data[25:]


def without_palette(data: bytes) -> bytes:
    return data[:8] + chunk(b"IHDR", data[16:25] + b"\3\0\0\0") + data[33:]


def no_deflate(data: bytes) -> bytes:
    at = data.index(b"IDAT") - 4
    end = at + 8 + int.from_bytes(data[at : at + 4], "big")
    return data[:at] + chunk(b"IDAT", b"\0\0" + data[at + 10 : end]) + data[end + 4 :]


def split_pixels(data: bytes) -> bytes:
    return data[:-12] + chunk(b"teXt") + chunk(b"IDAT") + data[-12:]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "cut off"),
        (flipped, "checksum"),
        (without_pixels, "no pixels"),
        (bits_of_three, "3 bits"),
        (split_pixels, "not in one row"),
        (without_palette, "palette"),
        (no_deflate, "deflate"),
    ],
)
def test_a_damaged_large_png_is_refused_without_decoding(
    large_png: bytes, damage: Callable[[bytes], bytes], told: str, decoded: list[str]
) -> None:
    error = refusal(lambda: probe(damage(large_png)))
    assert error.problem is Problem.BROKEN_IMAGE
    assert told in error.reason
    assert decoded == []


def test_a_small_png_without_its_palette_is_refused_in_plain_words(decoded: list[str]) -> None:
    data = without_palette(corpus("good/gen_png_RGB.png"))
    reason = refusal(lambda: probe(data)).reason
    assert reason == "the PNG uses a palette and has none before its pixels"
    assert decoded == []


def test_a_decoder_that_falls_over_is_not_quoted_in_pythons_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sys.modules["fauxscale.images.probe"], "turn_of", fall)
    reason = refusal(lambda: probe(corpus("good/gen_png_RGB.png"))).reason
    assert "its parts do not fit together" in reason
    assert "AssertionError" not in reason


def test_a_header_that_promises_more_than_the_data_can_hold_is_refused() -> None:
    data = corpus("good/gen_png_RGB.png")
    data = data[:8] + chunk(b"IHDR", (5000).to_bytes(4, "big") * 2 + data[24:29]) + data[33:]
    assert "5000x5000" in refusal(lambda: probe(data)).reason


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_truncated_upload_is_broken_even_when_its_header_is_sound(kind: str) -> None:
    suffix = {"jpeg": "jpg", "webp": "webp"}[kind]
    error = refusal(lambda: probe(corpus(f"bad/gen_trunc_{kind}_90.{suffix}")))
    assert error.problem is Problem.BROKEN_IMAGE


def test_no_warning_escapes(recwarn: pytest.WarningsRecorder) -> None:
    names = (
        "pillow_sugarshack_bad_mpo_header.jpg",
        "pillow_apng_syntax_num_frames_invalid.png",
        "pillow_invalid-exif.jpg",
        "gen_jpg_exif_5000_lying.jpg",
    )
    for name in names:
        data = corpus(f"odd/{name}")
        picture = probe(data)
        enlarge(data, picture.width, picture.height)
    assert len(recwarn) == 0


@pytest.mark.parametrize(
    ("format", "limit"),
    [("PNG", 65_500), ("JPEG", 65_500), ("WEBP", 16_383), ("GIF", 65_535), ("AVIF", 32_768)],
)
def test_a_result_of_the_formats_longest_side_fits_and_encodes_and_one_more_does_not(
    format: str,
    limit: int,
) -> None:
    check_fits(format, limit, 1)
    with Image.open(BytesIO(encode(Image.new("L", (limit, 1)), format))) as image:
        image.load()
        assert image.size == (limit, 1)
    for size in ((limit + 1, 1), (1, limit + 1)):
        error = refusal(partial(check_fits, format, *size))
        assert error.problem is Problem.RESULT_TOO_LARGE
        assert (error.details["format"], error.details["limit"]) == (format, limit)
        # PNG holds 2**31 - 1 a side: that limit is ours, and said to be.
        whose = "the stand-in makes PNG" if format == "PNG" else f"{format} holds"
        assert error.reason.startswith(f"rule: {whose}")
        assert "can hold" not in error.message


def test_a_format_nobody_writes_is_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="BMP"):
        check_fits("BMP", 1, 1)


def test_every_output_format_has_a_media_type_and_an_extension() -> None:
    assert MEDIA_TYPES["JPEG"] == "image/jpeg"
    assert EXTENSIONS["JPEG"] == "jpg"
    assert set(MEDIA_TYPES) == set(EXTENSIONS)
