"""The sizes Ideogram makes pictures in: the resolutions and aspect ratios of v3 and of the legacy models."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fauxscale.provider_api import Size

# OpenAPI of 2026-04-27, ResolutionV3.
_V3 = """
512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 704x1280
704x1344 704x1408 704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 832x960 832x1024
832x1088 832x1152 832x1216 832x1248 864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x832 960x896
960x1024 960x1088 1024x832 1024x896 1024x960 1024x1024 1088x768 1088x832 1088x896 1088x960 1120x896
1152x704 1152x832 1152x864 1152x896 1216x704 1216x768 1216x832 1248x832 1280x704 1280x768 1280x800
1312x736 1344x640 1344x704 1344x768 1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 1536x512
1536x576 1536x640
"""
RESOLUTIONS = tuple(_V3.split())
# The same description, Resolution: the list of v3 without 800x1280, and ten more.
_LEGACY_ONLY = """
640x1024 720x1280 768x1024 768x1152 768x1232 1024x640 1024x768 1152x768 1232x768 1280x720
"""
LEGACY_RESOLUTIONS = tuple(
    f"RESOLUTION_{size.replace('x', '_')}"
    for size in sorted([*(one for one in RESOLUTIONS if one != "800x1280"), *_LEGACY_ONLY.split()])
)

# The sizes that runware.ai labels as exactly those of 3.0 (read 2026-11); the tall ones by symmetry.
ASPECTS: Mapping[str, Size] = MappingProxyType(
    {
        "1x3": (512, 1536),
        "3x1": (1536, 512),
        "1x2": (704, 1408),
        "2x1": (1408, 704),
        "9x16": (736, 1312),
        "16x9": (1312, 736),
        "10x16": (800, 1280),
        "16x10": (1280, 800),
        "2x3": (832, 1248),
        "3x2": (1248, 832),
        "3x4": (864, 1152),
        "4x3": (1152, 864),
        "4x5": (896, 1120),
        "5x4": (1120, 896),
        "1x1": (1024, 1024),
    }
)
# The size for a legacy ratio is not documented: the one closest to it, and of those the largest.
LEGACY_ASPECTS: Mapping[str, Size] = MappingProxyType(
    {
        "ASPECT_10_16": (768, 1232),
        "ASPECT_16_10": (1232, 768),
        "ASPECT_9_16": (720, 1280),
        "ASPECT_16_9": (1280, 720),
        "ASPECT_3_2": (1248, 832),
        "ASPECT_2_3": (832, 1248),
        "ASPECT_4_3": (1152, 864),
        "ASPECT_3_4": (864, 1152),
        "ASPECT_1_1": (1024, 1024),
        "ASPECT_1_3": (512, 1536),
        "ASPECT_3_1": (1536, 512),
    }
)
_SIZES = tuple((int(width), int(height)) for width, height in (one.split("x") for one in RESOLUTIONS))


def size_of(name: str) -> Size:
    """The size of a resolution's name: `1024x768`, `RESOLUTION_1024_768`."""
    width, height = name.removeprefix("RESOLUTION_").replace("_", "x").split("x")
    return int(width), int(height)


def nearest(width: int, height: int) -> Size:
    """The size of v3 for a picture that was sent: its own if v3 has it, else the nearest in ratio, then in pixels."""
    if (width, height) in _SIZES:
        return width, height

    def distance(size: Size) -> tuple[float, int]:
        # The distance between two ratios is the same in both directions.
        own, other = width * size[1], height * size[0]
        return max(own, other) / min(own, other), abs(width * height - size[0] * size[1])

    return min(_SIZES, key=distance)
