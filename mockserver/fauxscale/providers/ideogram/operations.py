"""Every picture operation by name: its parameters and the steps that make its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import describe, edit, legacy, upscale, v3
from .operation import Operation

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "ideogram.upscale": upscale.UPSCALE,
        "ideogram.generate": legacy.GENERATE,
        "ideogram.edit": legacy.EDIT,
        "ideogram.remix": legacy.REMIX,
        "ideogram.reframe": legacy.REFRAME,
        "ideogram.describe": describe.DESCRIBE,
        "ideogram.v1_edit": edit.EDIT,
        "ideogram.remove_background": v3.REMOVE_BACKGROUND,
        "ideogram.v3_generate": v3.GENERATE,
        "ideogram.v3_generate_transparent": v3.TRANSPARENT,
        "ideogram.v3_inpaint": v3.INPAINT,
        # Its removal is announced; body and reply are those of inpaint (API reference, read 2026-11).
        "ideogram.v3_edit": v3.INPAINT,
        "ideogram.v3_remix": v3.REMIX,
        "ideogram.v3_reframe": v3.REFRAME,
        "ideogram.v3_replace_background": v3.REPLACE_BACKGROUND,
        "ideogram.v3_layerize_text": describe.LAYERIZE,
    }
)
