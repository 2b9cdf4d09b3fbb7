"""A request's schema as values, and what violates it: in plain sentences, and in jsonschema's words.

Ideogram's OpenAPI names Connexion as its framework, which checks requests with jsonschema. The messages here are
those of Connexion 2.14.2 run on the public description of 2026-04-27.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from msgspec import Struct

from fauxscale.provider_api import ApiError, Problem, is_object, json_type, read_number

Kind = Literal["string", "integer", "number", "boolean", "object", "array"]
_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,40}\s*", re.ASCII)
_ECHO = 1_000


class Member(Struct, frozen=True, kw_only=True):
    """A member of a JSON object, or a text part of a form. Bounds are inclusive; of a list they count its entries.

    `later` are further choices of API version 2026-10, as is a `late` member as a whole. `of` is the type of a
    list's entries, `members` what an object may have, or has `either` of; other members are ignored.
    """

    name: str
    kind: Kind = "string"
    required: bool = False
    default: str | int | bool | None = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    late: bool = False
    pattern: str = ""
    of: Member | None = None
    members: tuple[Member, ...] = ()
    either: bool = False


class SchemaBreach(Struct, frozen=True):
    """A violation at a path of a request. `told` is jsonschema's message, `plain` ours; `missing`: the member is
    missing, and the path is that of the object that should have it."""

    path: tuple[str, ...]
    told: str
    plain: str
    missing: str = ""

    @property
    def error(self) -> ApiError:
        """The refusal of a request with this violation."""
        at = ".".join(self.path)
        schema = f"{self.told} - '{at}'" if at else self.told
        if self.missing:
            field = ".".join((*self.path, self.missing))
            problem, text = Problem.MISSING_PARAMETER, f"{field} {self.plain}"
        else:
            field, problem, text = at, Problem.INVALID_PARAMETER, f"Invalid input: {at} {self.plain}"
        return ApiError(problem, text, param=field, details={"schema": schema})


class Judge(Struct, frozen=True):
    """Checks values by one API version."""

    api_version: str

    def known(self, members: Sequence[Member]) -> tuple[Member, ...]:
        """The members that this API version has."""
        return tuple(members) if self._is_new else tuple([one for one in members if not one.late])

    @property
    def _is_new(self) -> bool:
        return self.api_version >= "2026-10"

    def object_breach(
        self, members: Sequence[Member], values: Mapping[str, object], path: tuple[str, ...] = ()
    ) -> SchemaBreach | None:
        """The first violation of an object, None for a valid one: missing members are found first."""
        known = self.known(members)
        for one in known:
            if one.required and one.name not in values:
                return missing(path, one.name)
        for one in known:
            if one.name in values:
                breach = self.breach(one, values[one.name], (*path, one.name))
                if breach is not None:
                    return breach
        return None

    def breach(self, one: Member, value: object, path: tuple[str, ...]) -> SchemaBreach | None:
        """The first violation of a value, None for a valid one."""
        if not isinstance(value, _TYPES[one.kind]) or (isinstance(value, bool) and one.kind != "boolean"):
            return wrong_type(one.kind, value, path)
        choices = one.choices + (one.later if self._is_new else ())
        if choices and value not in choices:
            told = _shown(value)
            plain = f"must be one of {', '.join(choices)}, got {told[:42]}"
            return SchemaBreach(path, f"{told} is not one of {list(choices)!r}", plain)
        if one.pattern and re.fullmatch(one.pattern, str(value)) is None:
            told = _shown(value)
            plain = f"must match {one.pattern}, got {told[:42]}"
            return SchemaBreach(path, f"{told} does not match {one.pattern!r}", plain)
        if isinstance(value, list):
            return self._list_breach(one, cast("list[object]", value), path)
        if is_object(value):
            named = [member.name for member in one.members if member.name in value]
            if one.either and len(named) != 1:
                plain = f"must have one of {', '.join(member.name for member in one.members)}"
                return SchemaBreach(
                    path, f"{_shown(value)} is not valid under any of the given schemas", plain
                )
            return self.object_breach(one.members, value, path)
        return _out_of_range(one, value, path)

    def _list_breach(self, one: Member, value: list[object], path: tuple[str, ...]) -> SchemaBreach | None:
        size = len(value)
        if one.least is not None and size < one.least:
            return SchemaBreach(
                path, f"{_shown(value)} is too short", f"must have {one.least} or more entries"
            )
        if one.most is not None and size > one.most:
            plain = f"must have {one.most} entries or fewer, got {size}"
            return SchemaBreach(path, f"{_shown(value)} is too long", plain)
        if one.of is None:
            return None
        found = (self.breach(one.of, entry, (*path, str(at))) for at, entry in enumerate(value))
        return next((breach for breach in found if breach is not None), None)


def _out_of_range(one: Member, value: object, path: tuple[str, ...]) -> SchemaBreach | None:
    if isinstance(value, str) or not isinstance(value, int | float):
        return None
    plain = f"must be from {one.least} to {one.most}"
    if one.least is not None and value < one.least:
        return SchemaBreach(path, f"{value} is less than the minimum of {one.least}", f"{plain}, got {value}")
    if one.most is not None and value > one.most:
        return SchemaBreach(
            path, f"{value} is greater than the maximum of {one.most}", f"{plain}, got {value}"
        )
    return None


def missing(path: tuple[str, ...], name: str) -> SchemaBreach:
    """The violation of an object without this required member."""
    return SchemaBreach(path, f"{name!r} is a required property", "is required", name)


def wrong_type(kind: Kind, value: object, path: tuple[str, ...]) -> SchemaBreach:
    """The violation of a value of another type."""
    names = {"object": "a JSON object", "integer": "an integer", "array": "an array"}
    plain = f"must be {names.get(kind, f'a {kind}')}, got {json_type(value)}"
    return SchemaBreach(path, f"{_shown(value)} is not of type {kind!r}", plain)


def coerced(one: Member, value: object) -> object:
    """A value inside a JSON part, coerced by Connexion to the expected type: "50" and true are integers."""
    if one.kind == "integer" and isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if one.kind == "integer" and isinstance(value, bool):
        return int(value)
    if one.kind == "object" and is_object(value):
        inner = {member.name: member for member in one.members}
        return {name: coerced(inner[name], part) if name in inner else part for name, part in value.items()}
    return value


def from_text(one: Member, text: str) -> object:
    """The value of a text part. Raises ValueError for text that is not of the member's type."""
    if one.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if one.kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if one.kind == "number" and (number := read_number(text)) is not None:
        return number
    if one.kind in ("integer", "boolean", "number"):
        raise ValueError(text)
    return text


def _shown(value: object) -> str:
    """A value as Python writes it, truncated if it is long: only a part of a stranger's text is echoed."""
    text = repr(value)
    return text if len(text) <= _ECHO else f"{text[:_ECHO]}…"
