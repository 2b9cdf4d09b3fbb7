"""The fixture sample_image: makes pictures to send."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_ORIENTATION = 0x0112


class SampleImages:
    """A factory: call it for a valid picture, or a method for a broken one. Equal arguments give equal bytes."""

    def __call__(
        self,
        format: str = "PNG",  # noqa: A002  # what Pillow calls it
        width: int = 64,
        height: int = 48,
        *,
        mode: str = "RGB",
        exif_orientation: int | None = None,
    ) -> bytes:
        """Make a gradient, `width` x `height` as stored, with a corner of another colour, to show turns and swaps.

        Raises ValueError if the format cannot hold it.
        """
        if format not in FORMATS:
            from fauxscale.spelling import choose_from  # here, so that unused it loads no server

            raise ValueError(f"no sample of format {format!r}{choose_from(format, FORMATS)}")
        options: dict[str, object] = {}
        if exif_orientation is not None:
            if format in ("GIF", "BMP"):
                raise ValueError(f"{format} holds no EXIF: no orientation can be written")
            exif = Image.Exif()
            exif[_ORIENTATION] = exif_orientation
            options["exif"] = exif
        out = io.BytesIO()
        try:
            _draw(width, height, mode).save(out, format, **options)
        except OSError as error:
            raise ValueError(f"{format} cannot hold mode {mode}: {error}") from None
        return out.getvalue()

    def oversized(self, size: int = 10 * 1024 * 1024 + 1) -> bytes:
        """Make a good PNG of exactly `size` bytes; by default one byte more than most services accept."""
        picture = self()
        room = size - len(picture) - 12
        if room < 0:
            raise ValueError(f"no picture has only {size} bytes: ask for {len(picture) + 12} or more")
        # A private chunk (PNG 1.2, 3.3) that every decoder skips, before the final IEND of 12 bytes.
        kind, filling = b"faUx", bytes(room)
        chunk = struct.pack(">I", room) + kind + filling + struct.pack(">I", zlib.crc32(kind + filling))
        return picture[:-12] + chunk + picture[-12:]

    def truncated(self, format: str = "JPEG", width: int = 64, height: int = 48) -> bytes:  # noqa: A002  # as above
        """Make the first two thirds of a picture, as after a broken upload."""
        whole = self(format, width, height)
        return whole[: len(whole) * 2 // 3]

    def not_an_image(self) -> bytes:
        """Make an HTML page, as a proxy or a login form sends instead of a picture."""
        return b"<!DOCTYPE html><title>502 Bad Gateway</title><h1>This is not an image</h1>\n"


def _draw(width: int, height: int, mode: str) -> Image.Image:
    levels = b"".join(bytes([255 * row // height]) * width for row in range(height))
    if mode == "I;16":
        return Image.frombytes(
            mode, (width, height), bytes(half for level in levels for half in (level, level))
        )
    grey = Image.frombytes("L", (width, height), levels)
    image = grey.convert("RGB")
    image.paste((200, 30, 60), (0, 0, max(1, width // 3), max(1, height // 3)))
    if mode in ("RGBA", "LA", "PA"):
        image.putalpha(grey)
    return image.convert(mode)
