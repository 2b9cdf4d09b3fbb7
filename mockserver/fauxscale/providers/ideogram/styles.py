"""Parameters that several operations share: prompts, seeds, styles, palettes, reference pictures.

Source: Ideogram's public OpenAPI description of 2026-04-27 and the API reference (read 2026-04 and 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from fauxscale.provider_api import is_object

from .asked import Asked, exclusive, references, refused
from .schema import Member
from .sizes import ASPECTS, LEGACY_ASPECTS, LEGACY_RESOLUTIONS, RESOLUTIONS

PROMPT = Member(name="prompt", required=True)
SEED = Member(name="seed", kind="integer", least=0, most=2**31 - 1)
COUNT = Member(name="num_images", kind="integer", least=1, most=8, default=1)
NEGATIVE = Member(name="negative_prompt")
_MAGIC = ("AUTO", "ON", "OFF")
MAGIC = Member(name="magic_prompt", choices=_MAGIC)
# The pages omit BALANCED, the description of 2026-10 has it.
SPEED = Member(
    name="rendering_speed",
    choices=("FLASH", "TURBO", "DEFAULT", "QUALITY"),
    later=("BALANCED",),
    default="DEFAULT",
)
# FLASH is a documented 400 here.
TRANSPARENT_SPEED = Member(name="rendering_speed", choices=("TURBO", "DEFAULT", "QUALITY"), default="DEFAULT")
RESOLUTION = Member(name="resolution", choices=RESOLUTIONS)
ASPECT = Member(name="aspect_ratio", choices=tuple(ASPECTS))
STYLE = Member(
    name="style_type",
    choices=("AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION"),
    later=("CUSTOM", "STYLIZED"),
)
_PRESETS = """
80S_ILLUSTRATION 90S_NOSTALGIA ABSTRACT_ORGANIC ANALOG_NOSTALGIA ART_BRUT ART_DECO ART_POSTER AURA
AVANT_GARDE BAUHAUS BLUEPRINT BLURRY_MOTION BRIGHT_ART C4D_CARTOON CHILDRENS_BOOK COLLAGE
COLORING_BOOK_I COLORING_BOOK_II CUBISM DARK_AURA DOODLE DOUBLE_EXPOSURE DRAMATIC_CINEMA EDITORIAL
EMOTIONAL_MINIMAL ETHEREAL_PARTY EXPIRED_FILM FLAT_ART FLAT_VECTOR FOREST_REVERIE GEO_MINIMALIST
GLASS_PRISM GOLDEN_HOUR GRAFFITI_I GRAFFITI_II HALFTONE_PRINT HIGH_CONTRAST HIPPIE_ERA ICONIC
JAPANDI_FUSION JAZZY LONG_EXPOSURE MAGAZINE_EDITORIAL MINIMAL_ILLUSTRATION MIXED_MEDIA MONOCHROME
NIGHTLIFE OIL_PAINTING OLD_CARTOONS PAINT_GESTURE POP_ART RETRO_ETCHING RIVIERA_POP SPOTLIGHT_80S
STYLIZED_RED SURREAL_COLLAGE TRAVEL_POSTER VINTAGE_GEO VINTAGE_POSTER WATERCOLOR WEIRD WOODBLOCK_PRINT
"""
PRESET = Member(
    name="style_preset",
    choices=tuple(_PRESETS.split()),
)
CODES = Member(
    name="style_codes",
    kind="array",
    of=Member(name="style_code", pattern="^[0-9a-fA-F]{8}$"),
)
# These colours are ours: a palette name without any colours would be worse.
PALETTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "EMBER": ("#c8401e", "#f08a24", "#5a1f16"),
        "FRESH": ("#5fc49a", "#d7f0a8", "#2a7f9e"),
        "JUNGLE": ("#1f5b34", "#7fa646", "#33291c"),
        "MAGIC": ("#6a3fb5", "#e07ad0", "#2b2563"),
        "MELON": ("#ff8f78", "#8fd17f", "#ffe2b8"),
        "MOSAIC": ("#d1495b", "#edae49", "#00798c"),
        "PASTEL": ("#f7c6d0", "#c6e2f7", "#f5f0c4"),
        "ULTRAMARINE": ("#1d3aa8", "#7d9bf0", "#0c143d"),
    }
)
PALETTE = Member(
    name="color_palette",
    kind="object",
    either=True,
    members=(
        Member(name="name", choices=tuple(PALETTES)),
        Member(
            name="members",
            kind="array",
            least=1,
            most=8,
            of=Member(
                name="member",
                kind="object",
                members=(
                    Member(name="color_hex", required=True, pattern="^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
                    Member(name="color_weight", kind="number", least=0.05, most=1.0),
                ),
            ),
        ),
    ),
)
MODEL_URI = Member(name="custom_model_uri", pattern="^model/[^/]+/version/[^/]+$")
LATE_MODEL_URI = Member(name="custom_model_uri", pattern=MODEL_URI.pattern, late=True)

STYLES = references("style_reference_images")
CHARACTERS = references("character_reference_images")
CHARACTER_MASKS = references("character_reference_images_mask")
REFERENCES = (STYLES, CHARACTERS, CHARACTER_MASKS)

LEGACY_MAGIC = Member(name="magic_prompt_option", choices=_MAGIC)
LEGACY_MAGIC_VERSION = Member(
    name="magic_prompt_version", choices=("V_0", *(f"V_0_{number}" for number in range(1, 9))), late=True
)
LEGACY_STYLE = Member(
    name="style_type",
    choices=("AUTO", "GENERAL", "FICTION", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME"),
    later=("CUSTOM", "STYLIZED"),
)
LEGACY_RESOLUTION = Member(name="resolution", choices=LEGACY_RESOLUTIONS)
LEGACY_ASPECT = Member(name="aspect_ratio", choices=tuple(LEGACY_ASPECTS))
MODEL = Member(
    name="model",
    choices=("V_1", "V_1_TURBO", "V_2", "V_2_TURBO", "V_2A", "V_2A_TURBO", "AUTO"),
    later=("V_3",),
    default="V_2",
)

ONE_SIZE = exclusive("resolution", "aspect_ratio")
ONE_STYLE = (
    exclusive("style_codes", "style_type", "style_reference_images"),
    exclusive("style_preset", "style_codes", "style_reference_images"),
)


def characters_fit(asked: Asked) -> None:
    """The rule of character references: at most one today, and as many masks as references."""
    characters = len(asked.places("character_reference_images"))
    masks = len(asked.places("character_reference_images_mask"))
    if masks and not characters:
        raise refused(
            "A character reference is required: provide a character reference image for each mask.",
            "character_reference_images",
        )
    if characters > 1:
        raise refused("Only 1 character reference image is supported.", "character_reference_images")
    if masks not in (0, characters):
        raise refused(
            "Provide as many character reference masks as character reference images.",
            "character_reference_images_mask",
        )


def colours_of(asked: Asked) -> tuple[str, ...]:
    """The colours of the requested palette, the greatest weight first; none without a palette."""
    palette = asked.values.get("color_palette")
    if not is_object(palette):
        return ()
    if "name" in palette:
        return PALETTES[str(palette["name"])]
    members = cast("list[Mapping[str, float | str]]", palette["members"])
    # A colour without a weight has the mean of all weights.
    told = [float(one["color_weight"]) for one in members if "color_weight" in one]
    mean = sum(told) / len(told) if told else 1.0
    weightiest = sorted(members, key=lambda one: -float(one.get("color_weight", mean)))
    return tuple(str(one["color_hex"]).lower() for one in weightiest)


def prompt_used(asked: Asked) -> str:
    """The prompt that is drawn and returned: with magic prompt it differs from the one sent."""
    prompt = asked.text("prompt")
    magic = asked.text("magic_prompt") or asked.text("magic_prompt_option")
    return f"{prompt}, finely detailed, in natural light" if prompt and magic == "ON" else prompt
