"""Enlarges an accepted upload, and encodes a picture as a file."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

from PIL import AvifImagePlugin as AvifImagePlugin  # imported so that Pillow knows the format without
from PIL import GifImagePlugin as GifImagePlugin  # loading every plugin it has, from whichever thread
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from .formats import check_fits
from .orientation import turned
from .probe import broken_only, identify, open_paint, turn_of
from .structure import Rules, dissect

_SIGNED = "fauxscale"
_SOFTWARE = 0x0131
_Z_RLE = 3
_PLAIN = ("L", "LA", "RGB", "RGBA")
_UNLIMITED = Rules(2**62, 2**62, 2**62, 2**62, decode_up_to=2**62)  # probe has judged; here it is only read


def enlarge(data: bytes, width: int, height: int) -> Image.Image:
    """Resample (Lanczos) the first frame of `data`, as a viewer shows it, to `width` x `height` pixels.

    The result is in mode L, LA, RGB or RGBA and carries the ICC profile and nothing else of the input. Meant
    for bytes that `probe` accepted: no cap is applied again. Raises ApiError(BROKEN_IMAGE) when the pixels
    turn out to be damaged after all, ApiError(UNSUPPORTED_FORMAT) for other bytes.
    """
    kind = identify(data)
    with broken_only():
        anatomy = dissect(data, kind, _UNLIMITED)
        with open_paint(kind, anatomy) as source:
            turn = turn_of(source, anatomy)
            profile = source.info.get("icc_profile")
            source.load()
            image = turned(_plain(source, data[24] if kind == "PNG" else 8), turn)
        large = image.resize((width, height), Image.Resampling.LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        large.info = _only_profile(profile, large.mode)
        return large


def encode(image: Image.Image, format: str, *, quality: int | None = None) -> bytes:  # noqa: A002 (the word callers use)
    """Encode `image` as a PNG, JPEG, WEBP, GIF or AVIF file, with its ICC profile and no metadata but who made it.

    `quality` (1 to 100; default 90, AVIF 75) is for JPEG, WEBP and AVIF. JPEG and GIF have no partial
    transparency: there the picture is laid on white. GIF has no room for a profile either. `image` is not
    touched, so threads may share it.
    Raises ApiError(RESULT_TOO_LARGE) when the format cannot hold it, ValueError for an unknown format.
    """
    check_fits(format, *image.size)
    profile = image.info.get("icc_profile")
    picture = _plain(image)
    if format in ("JPEG", "GIF"):
        picture = _on_white(picture)
    elif format in ("WEBP", "AVIF"):
        picture = picture.convert("RGBA" if picture.mode.endswith("A") else "RGB")
    if picture is image:  # save() keeps its options on the image it is asked to save
        picture = image.copy()
    picture.info = _only_profile(profile, picture.mode)
    exif = Image.Exif()
    exif[_SOFTWARE] = _SIGNED
    options: dict[str, Any]
    match format:
        case "PNG":
            text = PngInfo()
            text.add_text("Software", _SIGNED)
            # Z_RLE: the default's file size at a quarter of its time on photos, whichever zlib is linked.
            options = {"compress_type": _Z_RLE, "pnginfo": text}
        case "JPEG":
            options = {"quality": quality or 90, "exif": exif}
        case "WEBP":
            options = {"quality": quality or 90, "method": 0, "exif": exif}
        case "GIF":
            options = {"comment": f"Software: {_SIGNED}"}
        case _:
            options = {"quality": quality or 75, "speed": 10, "exif": exif}
    options["icc_profile"] = picture.info.get("icc_profile")
    if format == "WEBP":
        return _webp(picture, options)
    file = BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _webp(picture: Image.Image, options: dict[str, Any]) -> bytes:
    """Encode as WebP, less well where the first partition of the file, 512 KiB, cannot hold what describes a picture.

    Seen on noise of 6,000 x 6,000 pixels at quality 90 ("encoding error 6", libwebp 1.6, 2026-11); at 75 it holds
    9,800 x 9,800.
    """
    wanted = options["quality"]
    for quality in (wanted, *(lower for lower in (75, 50, 25) if lower < wanted)):
        file = BytesIO()
        try:
            picture.save(file, "WEBP", **options | {"quality": quality})
        except ValueError as error:
            if "encoding error" not in str(error):
                raise
            continue
        return file.getvalue()
    raise ValueError(f"WebP cannot hold this picture of {picture.width}x{picture.height} pixels")


def _only_profile(profile: object, mode: str) -> dict[str | tuple[int, int], Any]:
    """Return the ICC profile as Pillow's info, unless it is for other channels than `mode` has.

    A profile is carried, never run: a damaged one harms nobody on the way through.
    """
    if not isinstance(profile, bytes) or not profile:
        return {}
    if profile[16:20] in (b"CMYK", b"GRAY") and mode in ("RGB", "RGBA"):
        return {}
    return {"icc_profile": profile}


def _plain(image: Image.Image, depth: int = 8) -> Image.Image:
    """Convert `image` to 8-bit channels, no palette and real alpha: L, LA, RGB or RGBA.

    `depth` is that of the file's samples: Pillow widens grey samples of 1, 2 and 4 bits and narrows those of
    16 bits in colour, but leaves the transparent value as the file tells it.
    """
    key = image.info.get("transparency")
    match image.mode:
        case "P":
            return image.convert("RGB" if key is None else "RGBA")
        case "PA":
            return image.convert("RGBA")
        case "1" | "L" if isinstance(key, int):
            if image.mode == "L" and depth < 8:
                key = key * 255 // (2**depth - 1)
            return _with_alpha(image.convert("L"), [image.convert("L")], [key])
        case "RGB" if isinstance(key, tuple):
            told = cast("tuple[int, ...]", key)
            return _with_alpha(image, list(image.split()), [v >> 8 if depth == 16 else v for v in told])
        case "1":
            return image.convert("L")
        case "I;16":
            raw = image.tobytes()  # little-endian on every machine
            high, low = (Image.frombytes("L", image.size, raw[at::2]) for at in (1, 0))
            return high if key is None else _with_alpha(high, [high, low], [key >> 8, key & 255])
        case "I":
            # Sixteen bits in a wider box, as Pillow before 11 read them.
            table = [v >> 8 for v in range(65536)]
            return image.point(table, "L")  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        case "La":
            return image.convert("LA")
        case "RGBa":
            return image.convert("RGBA")
        case mode if mode in _PLAIN:
            return image
        case "F":
            return image.convert("L")
        case _:
            return image.convert("RGB")


def _with_alpha(image: Image.Image, channels: list[Image.Image], key: list[int]) -> Image.Image:
    """Make every pixel of `image` transparent whose `channels` hold exactly `key`."""
    mask = Image.new("L", image.size, 255)
    for channel, value in zip(channels, key, strict=True):
        table = [255 if v == value else 0 for v in range(256)]
        hit = channel.point(table)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        mask = ImageChops.darker(mask, hit)
    clear = image.convert(image.mode + "A")
    clear.putalpha(ImageChops.invert(mask))
    return clear


def _on_white(image: Image.Image) -> Image.Image:
    if not image.mode.endswith("A"):
        return image
    ground = Image.new(image.mode[:-1], image.size, "white")
    ground.paste(image.convert(ground.mode), mask=image.getchannel("A"))
    return ground
