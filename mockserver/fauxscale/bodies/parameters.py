"""Parameters of a request as data: validated in one place, worded by each provider, shown in its schemas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from fauxscale.errors import ApiError, Problem

Kind = Literal["string", "integer", "number", "boolean"]
Rule = Literal["missing", "kind", "least", "above", "most", "choice"]
_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter. Bounds are inclusive, except `above`; for a string, `most` counts characters."""

    name: str
    kind: Kind
    about: str
    required: bool = False
    default: str | float | bool | None = None
    least: float | None = None
    above: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, object]:
        """The parameter as JSON Schema."""
        most = "maxLength" if self.kind == "string" else "maximum"
        members = {
            "type": self.kind,
            "description": self.about,
            "enum": list(self.choices) or None,
            "minimum": self.least,
            "exclusiveMinimum": self.above,
            most: self.most,
            "default": self.default,
        }
        return {name: value for name, value in members.items() if value is not None}


class Breach(Struct, frozen=True):
    """A violation: the value `received` (None: nothing was sent) for `parameter`."""

    parameter: Parameter
    rule: Rule
    received: object

    @property
    def reason(self) -> str:
        """The explanation for people: parameter, rule, value received."""
        one = self.parameter
        wants = {
            "missing": "is required",
            "kind": f"must be {'an' if one.kind == 'integer' else 'a'} {one.kind}",
            "least": f"must be {one.least} or more",
            "above": f"must be over {one.above}",
            "most": f"must be {one.most} or less",
            "choice": f"must be one of {', '.join(one.choices)}",
        }[self.rule]
        if one.kind == "string" and self.rule == "most":
            wants = f"must have {one.most} characters or fewer"
        return f"{one.name} {wants}, got {'nothing' if self.received is None else repr(self.received)[:60]}"


def values_in_force(
    parameters: Sequence[Parameter], sent: Mapping[str, object], word: Callable[[Breach], str]
) -> dict[str, object]:
    """The values of the given parameters: the one sent (null counts as missing), else the default.

    Raises ApiError (MISSING_PARAMETER, INVALID_PARAMETER) for the first violation, in `word`'s words.
    """
    values: dict[str, object] = {}
    for one in parameters:
        value = sent.get(one.name)
        if one.kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)  # JavaScript, in which these services are written, has no other 1.0
        rule = _broken(one, value)
        if rule is not None:
            breach = Breach(one, rule, value)
            problem = Problem.MISSING_PARAMETER if rule == "missing" else Problem.INVALID_PARAMETER
            raise ApiError(problem, word(breach), reason=breach.reason, param=one.name)
        values[one.name] = one.default if value is None else value
    return {name: value for name, value in values.items() if value is not None}


def from_text(one: Parameter, text: str) -> object:
    """Parse a form's text as the parameter's type; the text itself if it is not of that type."""
    try:
        match one.kind:
            case "boolean":
                return _BOOLEANS.get(text.strip().lower(), text)
            case "integer" | "number":
                number = _number(text)
                if one.kind == "number":
                    return float(number)
                return int(number) if number == int(number) else number
            case "string":
                return text
    except ValueError:
        return text


def _number(text: str) -> int | float:
    """Parse a finite number. Raises ValueError; int() and float() would also accept "1_0" and 5,000 digits."""
    if len(text) > 40 or "_" in text or not text.isascii():
        raise ValueError
    if text.strip().lstrip("+-").isdigit():
        return int(text)
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def says_no(text: str) -> bool:
    """Whether a flag in a query is off (false, 0, no, off); anything else counts as on."""
    return text.lower() in ("false", "0", "no", "off")


def _broken(one: Parameter, value: object) -> Rule | None:
    if value is None:
        return "missing" if one.required else None
    if not isinstance(value, _TYPES[one.kind]) or (isinstance(value, bool) and one.kind != "boolean"):
        return "kind"
    if one.choices and value not in one.choices:
        return "choice"
    size = len(value) if isinstance(value, str) else value
    assert isinstance(size, int | float)
    if one.least is not None and not size >= one.least:
        return "least"
    if one.above is not None and not size > one.above:
        return "above"
    return "most" if one.most is not None and not size <= one.most else None
