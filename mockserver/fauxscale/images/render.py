"""Reads and enlarges the pixels of an accepted upload, and encodes a picture as a file."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

from msgspec import Struct
from PIL import AvifImagePlugin as AvifImagePlugin  # imported so that Pillow knows the format without
from PIL import GifImagePlugin as GifImagePlugin  # loading every plugin it has, from whichever thread
from PIL import Image, ImageChops

from .formats import check_fits
from .orientation import turned
from .peaks import WEBP_ALPHA_UP_TO
from .png import write_png, write_strips
from .probe import broken_only, identify, open_paint, turn_of
from .strips import changed, resized, resized_strips
from .structure import Rules, dissect
from .webp import with_alpha

_SIGNED = "fauxscale"
_SOFTWARE = 0x0131
_PLAIN = ("L", "LA", "RGB", "RGBA")
_SAMPLE = 250_000  # sample size for the palette of a larger picture
_WEBP_AT_BEST = 40_000_000  # pixels
_UNLIMITED = Rules(
    2**62, 2**62, 2**62, 2**62, decode_up_to=2**62, max_side=2**62
)  # probe has checked the size before


class Prepared(Struct, frozen=True):
    """A picture prepared for the encoder of `format`, to be encoded once: the encoder changes `image`.

    `alpha` is transparency that the encoder does not get, and that is added to the file afterwards.
    """

    image: Image.Image
    format: str
    alpha: Image.Image | None = None


def enlarge(data: bytes, width: int, height: int) -> Image.Image:
    """Resample (Lanczos) the first frame of `data`, as `read` reads it, to `width` x `height` pixels."""
    with broken_only():
        image = _read(data)
        profile = image.info.get("icc_profile")
        large = resized(image, width, height)
        large.info = _only_profile(profile, large.mode)
        return large


def write_enlarged_png(image: Image.Image, width: int, height: int) -> bytes:
    """Resample (Lanczos) what `read` returned and encode it as `write` does, a strip of the result at a time."""
    check_fits("PNG", width, height)
    profile = _only_profile(image.info.get("icc_profile"), image.mode).get("icc_profile")
    strips = resized_strips(image, width, height)
    return write_strips(strips, image.mode, (width, height), software=_SIGNED, profile=profile)


def read(data: bytes) -> Image.Image:
    """Decode the first frame of `data`, as a viewer shows it.

    The result is in mode L, LA, RGB or RGBA and carries only the ICC profile of the input. Meant for bytes that
    `probe` accepted: no cap is applied again. Raises ApiError(BROKEN_IMAGE) when the pixels turn out to be damaged
    after all, ApiError(UNSUPPORTED_FORMAT) for other bytes.
    """
    with broken_only():
        return _read(data)


def _read(data: bytes) -> Image.Image:
    kind = identify(data)
    anatomy = dissect(data, kind, _UNLIMITED)
    with open_paint(kind, anatomy) as source:
        turn = turn_of(source, anatomy)
        profile = source.info.get("icc_profile")
        source.load()
        image = turned(_plain(source, data[24] if kind == "PNG" else 8), turn)
        if image is source and kind in ("WEBP", "AVIF"):  # with its decoder: WebP's holds two canvases
            image = source.copy()
    image.info = {} if profile is None else {"icc_profile": profile}
    return image


def encode(image: Image.Image, format: str, *, quality: int | None = None) -> bytes:  # noqa: A002 (the word callers use)
    """Encode `image` as a PNG, JPEG, WEBP, GIF or AVIF file, with its ICC profile and no metadata except its maker.

    `quality` (1 to 100; default 90, AVIF 75) is for JPEG, WEBP and AVIF. JPEG and GIF have no partial transparency:
    the picture is laid on white. GIF has no profile either. `image` is not changed, so threads may share it. Raises
    ApiError(RESULT_TOO_LARGE) when the format cannot hold it, ValueError for an unknown format.
    """
    prepared = prepare(image, format)
    if prepared.image is image:
        prepared = Prepared(image.copy(), format)
    return write(prepared, quality=quality)


def prepare(image: Image.Image, format: str) -> Prepared:  # noqa: A002  # as above
    """Prepare `image` for the encoder of `format`. Drop `image` before `write`, so that memory need not hold both.

    Raises ApiError(RESULT_TOO_LARGE) when the format cannot hold it, ValueError for an unknown format.
    """
    check_fits(format, *image.size)
    profile = image.info.get("icc_profile")
    picture, alpha = _plain(image), None
    if format in ("JPEG", "GIF"):
        picture = changed(picture, picture.mode.removesuffix("A"), on_white)
    elif format == "WEBP" and picture.mode.endswith("A") and _pixels(picture) > WEBP_ALPHA_UP_TO:
        alpha = picture.getchannel("A")
        picture = changed(picture, "RGB", lambda part: part.convert("RGB"))
    elif format in ("WEBP", "AVIF"):
        mode = "RGBA" if picture.mode.endswith("A") else "RGB"
        picture = changed(picture, mode, lambda part: part.convert(mode))
    if format == "GIF" and picture.mode == "RGB":
        picture = _in_256_colours(picture)
    if picture is not image:
        picture.info = {} if profile is None else {"icc_profile": profile}
    return Prepared(picture, format, alpha)


def write(prepared: Prepared, *, quality: int | None = None) -> bytes:
    """Encode a prepared picture, as `encode` does."""
    picture, format = prepared.image, prepared.format  # noqa: A001  # as above
    picture.info = _only_profile(picture.info.get("icc_profile"), picture.mode)
    exif = Image.Exif()
    exif[_SOFTWARE] = _SIGNED
    options: dict[str, Any]
    match format:
        case "PNG":
            return write_png(picture, software=_SIGNED, profile=picture.info.get("icc_profile"))
        case "JPEG":
            options = {"quality": quality or 90, "exif": exif}
        case "WEBP":
            options = {"quality": quality or 90, "method": 0, "exif": exif}
        case "GIF":
            options = {"comment": f"Software: {_SIGNED}"}
        case _:
            # One thread: others make pictures meanwhile, and its memory does not depend on the machine.
            options = {"quality": quality or 75, "speed": 10, "max_threads": 1, "exif": exif}
    options["icc_profile"] = picture.info.get("icc_profile")
    if format == "WEBP":
        data = _webp(picture, options)
        return data if prepared.alpha is None else with_alpha(data, prepared.alpha)
    file = BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


class _File:
    """A file that is written at once, without copying its input."""

    data = b""

    def write(self, data: bytes) -> None:
        self.data = data


def _webp(picture: Image.Image, options: dict[str, Any]) -> bytes:
    """Encode as WebP, at lower quality if the first partition of the file, 512 KiB, is too small for the picture's
    data.

    Seen on noise of 6,000 x 6,000 pixels at quality 90 ("encoding error 6", libwebp 1.6, 2026-11); at 75 it holds
    9,800 x 9,800. Large pictures are not tried above 90, where noise takes 16 bytes a pixel.
    """
    wanted = options["quality"] if _pixels(picture) <= _WEBP_AT_BEST else min(90, options["quality"])
    for quality in (wanted, *(lower for lower in (75, 50, 25) if lower < wanted)):
        file = _File()
        try:
            picture.save(cast("BytesIO", file), "WEBP", **options | {"quality": quality})
        except ValueError as error:
            if "encoding error" not in str(error):
                raise
            continue
        return file.data
    raise ValueError(f"WebP cannot hold this picture of {picture.width}x{picture.height} pixels")


def _in_256_colours(picture: Image.Image) -> Image.Image:
    """Reduce the colours to 256, chosen from the picture, or from a sample of a large one: seconds instead of minutes.

    Pillow 13 on a soft photo of 16 million pixels (2026-11): 80 s and 27 bytes a pixel, since it counts every
    colour.
    """
    if _pixels(picture) <= _SAMPLE:
        return picture.quantize(256)
    shrink = (_pixels(picture) / _SAMPLE) ** 0.5
    size = max(1, int(picture.width / shrink)), max(1, int(picture.height / shrink))
    palette = picture.resize(size, Image.Resampling.NEAREST).quantize(256)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return changed(
        picture, "P", lambda part: part.quantize(palette=palette, dither=Image.Dither.NONE), palette
    )


def _pixels(picture: Image.Image) -> int:
    return picture.width * picture.height


def _only_profile(profile: object, mode: str) -> dict[str | tuple[int, int], Any]:
    """Return the ICC profile as Pillow's info, unless it is for other channels than `mode` has.

    A profile is only copied, never evaluated, so a damaged one does no harm.
    """
    if not isinstance(profile, bytes) or not profile:
        return {}
    if profile[16:20] in (b"CMYK", b"GRAY") and mode in ("RGB", "RGBA"):
        return {}
    return {"icc_profile": profile}


def _plain(image: Image.Image, depth: int = 8) -> Image.Image:
    """Convert `image` to 8-bit channels, no palette and real alpha: L, LA, RGB or RGBA.

    `depth` is that of the file's samples: Pillow widens grey samples of 1, 2 and 4 bits and narrows those of 16
    bits in colour, but leaves the transparent value unchanged.
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
            # Sixteen bits in 32, as Pillow before 11 read them.
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


def on_white(image: Image.Image) -> Image.Image:
    """Lay a picture with alpha on white."""
    ground = Image.new(image.mode[:-1], image.size, "white")
    ground.paste(image.convert(ground.mode), mask=image.getchannel("A"))
    return ground
