"""Small pictures made on the spot, and what a result must equal."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageOps


def picture(
    format: str = "PNG", width: int = 40, height: int = 30, mode: str = "RGB", **options: object
) -> bytes:
    """A gradient with a corner of another colour, so that turns and swaps show."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.paste((200, 30, 60), (0, 0, width // 3, height // 3))
    out = io.BytesIO()
    image.convert(mode).save(out, format, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def doubled(data: bytes) -> Image.Image:
    """The reference: turned as a viewer shows it, then Pillow's own Lanczos to exactly twice the size."""
    image = ImageOps.exif_transpose(opened(data))
    return image.resize((2 * image.width, 2 * image.height), Image.Resampling.LANCZOS)


def noise(width: int = 500, height: int = 500) -> bytes:
    """A picture in which nothing can be compressed, the same every time: its result as PNG has over 2 MB."""
    out = io.BytesIO()
    pixels = random.Random(1).randbytes(3 * width * height)
    Image.frombytes("RGB", (width, height), pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
