"""Reads requests to AIgateway's image endpoints: parameters, model, and which member names the picture."""

from __future__ import annotations

import re

from fauxscale.provider_api import ApiError, Call, Parameter, Problem, values_in_force
from fauxscale.providers.openai_dialect import ANSWER, COUNT, MIB, MODEL, say

MODEL_ID = "ideogram/ideogram-upscale"
FILE = 25 * MIB  # "Image exceeds 25 MB" is the description's one limit (aigateway-sh/openapi, 2026-06-23)
JSON = FILE * 4 // 3 + MIB
SIDES = (16, 4096)
_WRITTEN = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")
PARAMETERS = (
    MODEL,
    Parameter(
        name="prompt", kind="string", required=True, about="What to draw, or how to guide the upscale."
    ),
    COUNT,
    Parameter(
        name="size",
        kind="string",
        default="1024x1024",
        about="Width and height of a drawn result; a picture sent is doubled, whatever this says.",
    ),
    Parameter(name="quality", kind="string", about="Accepted; changes nothing."),
    Parameter(name="style", kind="string", about="Accepted; changes nothing."),
    ANSWER,
    Parameter(name="user", kind="string", about="Accepted; changes nothing."),
    Parameter(name="mask_url", kind="string", about="Accepted; changes nothing."),
)
NAMES = frozenset({*(one.name for one in PARAMETERS), "image", "image[]", "image_url", "mask"})


def values_of(call: Call, sent: dict[str, object]) -> dict[str, object]:
    """Read the parameters, with defaults. Raises ApiError for the first invalid one; the model is checked first."""
    check_model(sent.get("model"))
    unknown = sorted(set(sent) - NAMES)
    if unknown and call.setting("unknown_members") == "refuse":
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Unknown parameter: '{unknown[0][:60]}'.",
            reason=f"the option unknown_members=refuse is on; known are {', '.join(sorted(NAMES))}",
            param=unknown[0][:60],
        )
    return values_in_force(PARAMETERS, sent, say)


def check_model(model: object) -> None:
    if isinstance(model, str) and model != MODEL_ID:
        raise ApiError(
            Problem.UNKNOWN_MODEL,
            f"Unknown model: '{model[:100]}'",
            reason=f"the stand-in has one model here, {MODEL_ID}",
            param="model",
        )


def named_in(body: dict[str, object]) -> tuple[str, str | None]:
    """Find the member that names the picture, and its text. A list of one text counts as that text."""
    for name in ("image", "image_url"):
        value = body.get(name)
        if isinstance(value, list) and len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]  # from strangers; judged right below
            value = value[0]  # pyright: ignore[reportUnknownVariableType]  # from strangers; judged right below
        if value is None:
            continue
        if not isinstance(value, str):
            raise ApiError(
                Problem.INVALID_PARAMETER,
                f"Invalid type for '{name}': expected a string.",
                reason=f"{name} wants one text: a data URI, base64, or a link of this server",
                param=name,
            )
        return name, value
    return "image_url", None


def size_of(values: dict[str, object]) -> tuple[int, int]:
    """Width and height of a picture to be drawn, in pixels."""
    size = str(values["size"])
    found = _WRITTEN.fullmatch("1024x1024" if size == "auto" else size)
    least, most = SIDES
    if found is None or not all(least <= int(side) <= most for side in found.groups()):
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Invalid value: '{size[:40]}'. Expected a size such as '1024x1024'.",
            reason=f"size is WIDTHxHEIGHT with sides from {least} to {most}, or auto; got {size[:40]!r}",
            param="size",
        )
    return int(found[1]), int(found[2])
