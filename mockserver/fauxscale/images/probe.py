"""Judges an upload by its bytes: what picture it is, or why it is refused."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Final, cast

from msgspec import Struct
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from fauxscale.errors import ApiError, Problem

from .formats import PNG_SIGNATURE, Format, sniff
from .orientation import orientation, sides_swap
from .structure import Anatomy, Rules, broken, dissect

# Called by class and not through Image.open, which tries other readers with warnings, and turns a JPEG into an "MPO"
# whose other pictures it reads.
Decoder = PngImageFile | JpegImageFile | WebPImageFile
_DECODERS: Final[Mapping[str, type[Decoder]]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
}


class Picture(Struct, frozen=True):
    """An accepted upload. `width` and `height` are pixels as a viewer shows them, turned.

    `mode` is Pillow's (of the file, before any conversion), `orientation` the camera's, 1 to 8. `animated`
    says that there are frames past the first, which are never decoded; a multi-picture JPEG is not animated.
    """

    format: Format
    width: int
    height: int
    mode: str
    orientation: int
    has_alpha: bool
    has_profile: bool
    animated: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1_000_000


def probe(data: bytes, rules: Rules = Rules()) -> Picture:  # noqa: B008 (a frozen value)
    """Judge an upload by its bytes: signature, structure, caps, and only then, if it is cheap, by decoding it.

    Raises ApiError: UNSUPPORTED_FORMAT (no PNG, JPEG or WebP signature at the first byte; detail `received`),
    TOO_MANY_PIXELS and, for a side that no result could have, RESULT_TOO_LARGE (details `width`, `height`, `limit`,
    of pixels or of pixels a side), BROKEN_IMAGE. It raises nothing else for any bytes.
    """
    kind = identify(data)
    with broken_only():
        anatomy = dissect(data, kind, rules)
        if anatomy.size is not None:
            _cap(anatomy.size, rules)
        if anatomy.fault:
            raise broken(anatomy.fault)
        with open_paint(kind, anatomy) as image:
            _cap(image.size, rules)
            turn = turn_of(image, anatomy)
            width, height = image.size[::-1] if sides_swap(turn) else image.size
            picture = Picture(
                format=kind,
                width=width,
                height=height,
                mode=image.mode,
                orientation=turn,
                has_alpha=image.has_transparency_data,
                has_profile=bool(image.info.get("icc_profile")),
                animated=anatomy.animated or getattr(image, "n_frames", 1) > 1,
            )
            if kind != "PNG" or image.width * image.height <= rules.decode_up_to:
                if kind == "JPEG":
                    # The whole stream is read anyway; an eighth of the size saves half the time.
                    image.draft("", (max(1, image.width // 8), max(1, image.height // 8)))
                image.load()
        return picture


def identify(data: bytes) -> Format:
    """Find the format by the signature at the first byte. Raises ApiError(UNSUPPORTED_FORMAT)."""
    name = sniff(data)
    if name in _DECODERS:
        return cast("Format", name)
    raise ApiError(
        Problem.UNSUPPORTED_FORMAT,
        "Unsupported image format. Supported formats are PNG, JPEG and WebP.",
        reason=f"rule: the bytes start like a PNG, JPEG or WebP; {_looks_like(data, name)}",
        details={"received": name},
    )


def open_paint(kind: Format, anatomy: Anatomy) -> Decoder:
    """Open Pillow's decoder on the parts that `dissect` kept: reads the header, decodes nothing. Call inside
    `broken_only`."""
    return _DECODERS[kind](BytesIO(anatomy.paint))


def turn_of(image: Decoder, anatomy: Anatomy) -> int:
    """Read the orientation, 1 to 8, from the structure walk, else from the decoder."""
    info = image.info
    packet = anatomy.xmp or info.get("XML:com.adobe.xmp") or info.get("xmp") or b""
    return orientation(anatomy.exif or info.get("exif") or b"", packet, info.get("Raw profile type exif"))


@contextmanager
def broken_only() -> Generator[None]:
    """Turn every exception into ApiError(BROKEN_IMAGE): decoders report broken files in many ways."""
    try:
        yield
    except ApiError:
        raise
    except Exception as error:
        # Some describe the problem; others are accidents with unexpected bytes, and have Python's messages.
        told = str(error) if isinstance(error, OSError | SyntaxError) else "its parts do not fit together"
        raise broken(
            f"the decoder gave up: {told}; check that the file opens in a viewer and was sent whole"
        ) from error


def _cap(size: tuple[int, int], rules: Rules) -> None:
    width, height = size
    if rules.admits(width, height):
        return
    if width * height <= rules.max_pixels:
        raise ApiError(
            Problem.RESULT_TOO_LARGE,
            f"The image is too large: {width}x{height} pixels, over the limit of {rules.max_side} a side.",
            reason=(
                f"rule: an image has at most {rules.max_side} pixels a side; "
                f"this one has {width}x{height}; scale it down"
            ),
            details={"width": width, "height": height, "limit": rules.max_side},
        )
    raise ApiError(
        Problem.TOO_MANY_PIXELS,
        f"The image is too large: {width}x{height} pixels.",
        reason=(
            f"rule: an image has at most {rules.max_pixels} pixels; "
            f"this one has {width}x{height} = {width * height}; scale it down"
        ),
        details={"width": width, "height": height, "limit": rules.max_pixels},
    )


def _looks_like(data: bytes, name: str | None) -> str:
    if not data:
        return "the file is empty; check that it was read before it was sent"
    if name is not None:
        return f"these look like {name}; convert the picture, or send its bytes as they are"
    if data.startswith(b"\x89PNG"):
        return "this PNG went through a text-mode transfer that changed its line ends; send it as binary"
    at = min((i for i in map(data[:4096].find, (PNG_SIGNATURE, b"\xff\xd8\xff")) if i > 0), default=0)
    if at:
        return f"a picture starts at byte {at} only; send it without what stands before it"
    return f"these start with {data[:8].hex(' ')}, which is no picture known here; send the file itself"
