"""Reads the input of fal-ai/ideogram/upscale and validates it as pydantic 2 does: every error at once.

Source: the model's page (llms.txt, read 2026-08); ranges are from Ideogram's own endpoint. Unknown members are
ignored, as FastAPI does; numbers and booleans may come as strings, as pydantic's lax mode allows (2.14.3 was run on
every spelling here).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from fauxscale.provider_api import ApiError, Problem

_TRUE = ("true", "t", "yes", "y", "on", "1")
_FALSE = ("false", "f", "no", "n", "off", "0")
_INTEGER = re.compile(r"\s*([+-]?[0-9]+(?:_[0-9]+)*)(?:[.]0+)?\s*")
_DIGITS = 40
_FLAGS = ("expand_prompt", "sync_mode")
PARAMETERS = ("prompt", "resemblance", "detail", "expand_prompt", "seed", "sync_mode")
_NUMBERS = {"resemblance": (1, 100), "detail": (1, 100), "seed": (None, None)}


class Inputs(Struct, frozen=True):
    """The model's input; all members but the picture's address have defaults."""

    image_url: str
    prompt: str = ""
    resemblance: int = 50
    detail: int = 50
    expand_prompt: bool = False
    seed: int | None = None
    sync_mode: bool = False

    @property
    def params(self) -> dict[str, object]:
        """The parameters that the journal and the ledger keep: all but the picture."""
        return {
            name: value for name, value in asdict(self).items() if name != "image_url" and value is not None
        }


class _Wrong(Exception):
    def __init__(self, kind: str, text: str, **facts: int) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.facts = facts


def read(body: Mapping[str, object]) -> Inputs:
    """Read the input in a JSON body. Raises INVALID_PARAMETER with pydantic's list in details["errors"]."""
    found = _members(body, ("image_url", "prompt", *_NUMBERS, *_FLAGS), required="image_url")
    return Inputs(**found)  # type: ignore[arg-type]  # judged member by member


def read_texts(body: Mapping[str, object], *names: str) -> list[str]:
    """Read members that are texts, "" for those left out. Raises as `read` does."""
    found = _members(body, names)
    return [str(found.get(name, "")) for name in names]


def _members(body: Mapping[str, object], names: Sequence[str], required: str = "") -> dict[str, object]:
    errors: list[dict[str, object]] = []
    found: dict[str, object] = {}
    for name in names:
        if name not in body:
            if name == required:
                errors.append(
                    {"type": "missing", "loc": ["body", name], "msg": "Field required", "input": body}
                )
            continue
        try:
            found[name] = _check_member(name, body[name])
        except _Wrong as wrong:
            item = {"type": wrong.kind, "loc": ["body", name], "msg": wrong.text, "input": body[name]}
            errors.append(item | ({"ctx": wrong.facts} if wrong.facts else {}))
    if errors:
        wrong_ones = ", ".join(f"{error['loc'][1]}: {error['msg']}" for error in errors)  # type: ignore[index]  # as built above
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "Validation failed",
            reason=f"the input is not valid: {wrong_ones}"
            + (
                f"; the body has {', '.join(sorted(body)) or 'no members'}"
                if required and required not in body
                else ""
            ),
            param=str(errors[0]["loc"][1]),  # type: ignore[index]  # a list of two words
            details={"errors": errors},
        )
    return found


def _check_member(name: str, value: object) -> object:
    if name == "seed" and value is None:
        return None
    if name in _NUMBERS:
        return _number(value, *_NUMBERS[name])
    if name in _FLAGS:
        return _flag(value)
    if not isinstance(value, str):
        raise _Wrong("string_type", "Input should be a valid string")
    return value


def _number(value: object, least: int | None, most: int | None) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise _Wrong("int_from_float", "Input should be a valid integer, got a number with a fractional part")
    if not isinstance(value, int | float | str):
        raise _Wrong("int_type", "Input should be a valid integer")
    written = _INTEGER.fullmatch(value[:_DIGITS]) if isinstance(value, str) else None
    if isinstance(value, str) and (written is None or len(value) > _DIGITS):
        text = "Input should be a valid integer, unable to parse string as an integer"
        raise _Wrong("int_parsing", text)
    number = int(written[1] if written else value)
    if least is not None and number < least:
        raise _Wrong("greater_than_equal", f"Input should be greater than or equal to {least}", ge=least)
    if most is not None and number > most:
        raise _Wrong("less_than_equal", f"Input should be less than or equal to {most}", le=most)
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool | int | float | str) or (
        isinstance(value, float) and value not in (0.0, 1.0)
    ):
        raise _Wrong("bool_type", "Input should be a valid boolean")
    word = str(value).lower() if not isinstance(value, float) else f"{value:g}"
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _Wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input")
