"""Decodes pictures that a service or a client made, valid or not."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, ImageFile


def decoded(data: bytes) -> ImageFile.ImageFile | None:
    """Decode a picture; None if it is broken, or so large that Pillow takes it for a decompression bomb."""
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            image = Image.open(BytesIO(data))
        image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):
        return None
    return image
