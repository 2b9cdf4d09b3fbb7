"""Ideogram's price of an image by the call's parameters, in micro-dollars.

Sources: ideogram.ai/features/api-pricing (read 2026-11), ideogram.ai/blog/ideogram-api-pricing (2026-11-16), and the
API's own quotes as qmediat/ideogram-mcp wrote them down (2026-10-10).
"""

from __future__ import annotations

from collections.abc import Mapping

from fauxscale.provider_api import flat, micros

_SPEEDS = {"FLASH": 0.03, "TURBO": 0.03, "BALANCED": 0.06, "DEFAULT": 0.06, "QUALITY": 0.09}
# The price of FLASH with a character is not known: assumed to be TURBO's, as it is without one.
_CHARACTER = {"FLASH": 0.10, "TURBO": 0.10, "BALANCED": 0.15, "DEFAULT": 0.15, "QUALITY": 0.20}
_TRANSPARENT = {"TURBO": 0.04, "DEFAULT": 0.07, "QUALITY": 0.10}
_ENLARGING = 0.06  # a guess: the pricing page has a table for X2 and X4 that could not be read
_MODELS = {
    "V_1": 0.06,
    "V_1_TURBO": 0.02,
    "V_2": 0.08,
    "V_2_TURBO": 0.05,
    "V_2A": 0.04,
    "V_2A_TURBO": 0.025,
    "V_3": 0.06,
    "AUTO": 0.08,
}

UPSCALE = flat(0.06)  # resellers
REMOVE_BACKGROUND = flat(0.01)
LAYERIZE = flat(0.09)
DESCRIBE = flat(0.01)  # a guess, v2 included: it has no quotes
EDIT = flat(0.06)  # a guess


def v3(params: Mapping[str, object]) -> int:
    """An image of a v3 operation: by speed, more with a character reference."""
    table = _CHARACTER if params.get("character_reference_images") else _SPEEDS
    return micros(table[str(params.get("rendering_speed", "DEFAULT"))])


def transparent(params: Mapping[str, object]) -> int:
    """An image with a transparent background: by speed, more if it is enlarged."""
    enlarged = params.get("upscale_factor", "X1") != "X1"
    return micros(_TRANSPARENT[str(params.get("rendering_speed", "DEFAULT"))]) + enlarged * micros(_ENLARGING)


def legacy(params: Mapping[str, object]) -> int:
    """An image of a legacy model."""
    return micros(_MODELS[str(params.get("model", "V_2"))])
