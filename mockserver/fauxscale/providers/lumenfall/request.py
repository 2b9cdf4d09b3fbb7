"""Reads requests to Lumenfall's upscale mode: parameters, model names, and its validator's messages."""

from __future__ import annotations

import re
from difflib import get_close_matches

from fauxscale.provider_api import ApiError, Breach, Call, Parameter, Problem, json_type, values_in_force
from fauxscale.providers.openai_dialect import ANSWER, COUNT, MIB, MODEL

MODEL_ID = "ideogram-upscale"
ROUTED = f"fal/{MODEL_ID}"  # naming the provider forces the route; with one provider it changes nothing
FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP", "avif": "AVIF"}
FILE = 25 * MIB  # the size of a picture is not documented
_SIZE = re.compile(r"[0-9]{1,5}x[0-9]{1,5}|[0-9]{1,3}:[0-9]{1,3}|auto")
SCALE = Parameter(
    name="scale_factor",
    kind="number",
    default=2,
    above=1,
    most=2,
    about="Factor by which to enlarge. Called required, and left out in the service's own examples.",
)
PARAMETERS = (
    MODEL,
    SCALE,
    Parameter(name="prompt", kind="string", most=1000, about="Guides the upscale."),
    Parameter(name="size", kind="string", about="Accepted; the factor decides."),
    ANSWER,
    Parameter(
        name="output_format",
        kind="string",
        default="png",
        choices=tuple(FORMATS),
        about="Format of the result.",
    ),
    Parameter(
        name="output_compression",
        kind="integer",
        least=0,
        most=100,
        about="Quality of JPEG, WebP and AVIF, 100 the best.",
    ),
    COUNT,
    Parameter(name="detail", kind="integer", least=1, most=100, about="Amount of detail to add."),
    Parameter(name="resemblance", kind="integer", least=1, most=100, about="Resemblance to the input."),
    Parameter(name="expand_prompt", kind="boolean", about="Whether Ideogram expands the prompt."),
    Parameter(name="sync_mode", kind="boolean", about="Passed on; changes nothing here."),
    Parameter(name="quality", kind="string", about="Accepted; changes nothing."),
    Parameter(name="style", kind="string", about="Accepted; changes nothing."),
    Parameter(name="user", kind="string", about="Accepted; changes nothing."),
)


def values_of(call: Call, sent: dict[str, object]) -> dict[str, object]:
    """Read the parameters, with defaults. Raises ApiError for the first invalid one; the model is checked first."""
    check_model(sent.get("model"))
    values = values_in_force(PARAMETERS, sent, say)
    if "scale_factor" not in sent and call.setting("strict"):
        breach = Breach(SCALE, "missing", None)
        raise ApiError(Problem.MISSING_PARAMETER, say(breach), reason=breach.reason, param="scale_factor")
    size = str(values.get("size", "auto"))
    if _SIZE.fullmatch(size) is None:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Invalid size format '{size[:40]}': use WIDTHxHEIGHT or W:H",
            reason="size changes no pixels here, but it has to be a size",
            param="size",
        )
    return values


def check_model(model: object) -> None:
    if not isinstance(model, str) or model in (MODEL_ID, ROUTED):
        return
    close = get_close_matches(model.lower(), (MODEL_ID,), cutoff=0.5)
    raise ApiError(
        Problem.UNKNOWN_MODEL,
        f"Model '{model[:100]}' not found" + (f". Did you mean '{MODEL_ID}'?" if close else ""),
        reason=f"the stand-in has one model here, {MODEL_ID}, or {ROUTED} with its provider",
        param="model",
    )


def say(breach: Breach) -> str:
    """Write a violation as zod 4 does: the documented "Too big: expected string to have <=1000 characters" is zod's."""
    one, got = breach.parameter, breach.received
    match breach.rule:
        case "missing":
            return f"Invalid input: expected {_kind(one)}, received undefined"
        case "kind":
            received = _received(one, got)
            # NaN fails as a number before it can fail as an int.
            return f"Invalid input: expected {'number' if received == 'NaN' else _kind(one)}, received {received}"
        case "choice":
            return "Invalid option: expected one of " + "|".join(f'"{choice}"' for choice in one.choices)
        case "least":
            return f"Too small: expected number to be >={one.least}"
        case "above":
            return f"Too small: expected number to be >{one.above}"
        case "most" if one.kind == "string":
            return f"Too big: expected string to have <={one.most} characters"
        case "most":
            return f"Too big: expected number to be <={one.most}"


def _kind(one: Parameter) -> str:
    return "int" if one.kind == "integer" else one.kind


def _received(one: Parameter, value: object) -> str:
    # A form holds only text, so numbers are coerced first, and other text becomes NaN.
    if isinstance(value, str) and one.kind in ("integer", "number"):
        return "NaN"
    name = json_type(value).rpartition(" ")[2]
    return "number" if name == "integer" else name
