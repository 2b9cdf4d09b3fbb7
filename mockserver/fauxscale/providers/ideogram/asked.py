"""Reads and checks a call's parameters and pictures, from a form's parts or a JSON body's members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from fauxscale.provider_api import (
    ApiError,
    Call,
    Form,
    Part,
    Problem,
    Sent,
    is_object,
    parse_json,
)

from .errors import words_of
from .schema import Judge, Member, SchemaBreach, coerced, from_text, missing, wrong_type

MIB = 1024 * 1024
_FILE_LIMITS = {"2026-04": 10 * MIB, "2026-10": 25 * MIB}
_REFERENCES = (
    10 * MIB
)  # "The maximum size … is 10MB" in total over all files of one name (documentation, 2026)
_MOST_FILES = 40
_MOST_PARTS = 100
_MOST_OF_MANY = 11  # files of one name that are read: one more than allowed, for the error message


class Files(Struct, frozen=True, kw_only=True):
    """The pictures of a form under one name: the last one sent, or if `many` all of them.

    `each` is the limit of a file in bytes if it is below the API version's, `total` that of all of them together.
    """

    name: str
    required: bool = False
    many: bool = False
    each: int | None = None
    total: int | None = None

    def room(self, limit: int) -> int:
        """The most bytes of a form that these may take, if a file may have `limit`."""
        if self.total is not None:
            return self.total + limit
        return (self.each or limit) * (_MOST_OF_MANY if self.many else 1)


def references(name: str) -> Files:
    """Pictures that are examples for the work, not its subject."""
    return Files(name=name, many=True, total=_REFERENCES)


class RequestBody(Struct, frozen=True, kw_only=True):
    """The parameters of a call. `rules` check what the schema cannot: each raises ApiError for values that do not go
    together. With a `holder`, one JSON object of that name holds all parameters. `is_json`: the body is JSON, not a
    form."""

    members: tuple[Member, ...]
    files: tuple[Files, ...] = ()
    rules: tuple[Callable[[Asked], None], ...] = ()
    holder: str = ""
    # The limit of a file in bytes, if it does not depend on the API version.
    limit: int | None = None
    is_json: bool = False

    @property
    def asked(self) -> tuple[Member, ...]:
        """The members that hold the parameters."""
        return self.members[0].members if self.holder else self.members

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, by the names that are journalled."""
        return (*(one.name for one in self.asked), *(one.name for one in self.files))


class Asked(Struct, frozen=True):
    """The parameters of one call: the values with defaults, and the pictures by the name of their part; `counted` are
    lists."""

    values: Mapping[str, object]
    files: Mapping[str, tuple[Part, ...]]
    counted: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether the call sent this member or part, even with the default value."""
        return bool(self.values.get(name)) or bool(self.files.get(name))

    def text(self, name: str) -> str:
        """A text, "" for one that was not sent."""
        return str(self.values.get(name, ""))

    def number(self, name: str, default: int = 0) -> int:
        value = self.values.get(name, default)
        return value if isinstance(value, int) else default

    def places(self, name: str) -> range:
        """The positions of the pictures sent under this name, counted over all names in order."""
        first = 0
        for one, parts in self.files.items():
            if one == name:
                return range(first, first + len(parts))
            first += len(parts)
        return range(0)

    def params(self) -> dict[str, object]:
        """The parameters for the journal and the prices: the values, and the numbers of pictures in lists."""
        return {
            **self.values,
            **{name: len(self.files[name]) for name in self.counted if self.files.get(name)},
        }

    def sent(self, call: Call) -> tuple[Sent, ...]:
        """Every picture, in the order that `places` counts."""
        most = int(call.setting("max_pixels"))
        return tuple(
            Sent(part.data, name, max_pixels=most) for name, parts in self.files.items() for part in parts
        )


async def read(call: Call, body: RequestBody) -> Asked:
    """Read a form. Raises ApiError for the first problem."""
    api_version = str(call.setting("api_version"))
    limit, judge = body.limit or _FILE_LIMITS[api_version], Judge(api_version)
    # An unknown file is ignored, but must be read for that.
    room = max(limit, sum(one.room(limit) for one in body.files))
    form = await call.form(file=limit, whole=room + MIB, files=_MOST_FILES, parts=_MOST_PARTS)
    values = _values_of(form, judge.known(body.members), lenient=words_of(call) == "v2")
    breach = judge.object_breach(body.members, values) or _missing_file(form, body)
    _check(call, body, breach, values, form)
    pictures = {one.name: _pictures(form, one, limit) for one in body.files}
    return _in_force(body, judge, values, pictures)


async def read_json(call: Call, body: RequestBody) -> Asked:
    """Read a JSON body. Raises ApiError for the first problem."""
    judge = Judge(str(call.setting("api_version")))
    values = await call.json(MIB)
    _check(call, body, judge.object_breach(body.members, values), values)
    return _in_force(body, judge, values, {})


async def read_with_picture(call: Call, body: RequestBody) -> Asked:
    """Read the form of a v2 operation that needs a picture. JSON can only name a stored one, and there is none here."""
    if call.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return await read(call, body)
    if "image_asset_identifier" in await call.json(MIB):
        raise ApiError(
            Problem.NOT_FOUND,
            "The source image was not found.",
            reason="stored pictures (image_asset_identifier) are not imitated: send one as the part image",
            param="image_asset_identifier",
        )
    raise refused("A source image is required.", "image")


def exclusive(first: str, *others: str) -> Callable[[Asked], None]:
    """The rule that a member cannot be combined with any of others."""

    def rule(asked: Asked) -> None:
        for other in others:
            if asked.has(first) and asked.has(other):
                raise refused(f"{first} cannot be combined with {other}.", first)

    return rule


def refused(sentence: str, param: str) -> ApiError:
    """A refusal that no schema can express: 400 with a sentence."""
    return ApiError(Problem.INVALID_PARAMETER, sentence, param=param)


def _values_of(form: Form, members: Sequence[Member], *, lenient: bool) -> dict[str, object]:
    """The values of a form's text parts; of repeated ones the last counts, and an empty optional one is missing."""
    values: dict[str, object] = {}
    wrong: list[tuple[Member, str]] = []
    for one in members:
        parts = form.all(one.name)
        if one.kind == "array":
            entries = [part.text for part in parts if part.data]
            if entries:
                values[one.name] = entries
        elif parts and (one.required or parts[-1].data):
            try:
                values[one.name] = _value(one, parts[-1], lenient=lenient)
            except ValueError:
                wrong.append((one, parts[-1].text))
    if wrong:
        # Connexion reports them all, in a list.
        told = [
            f"Wrong type, expected {one.kind!r} for requestBody parameter {one.name!r}" for one, _ in wrong
        ]
        first, text = wrong[0]
        refusal = wrong_type(first.kind, text, (first.name,)).error
        raise ApiError(refusal.problem, refusal.message, param=first.name, details={"schema": told})
    return values


def _value(one: Member, part: Part, *, lenient: bool) -> object:
    if one.kind != "object":
        return from_text(one, part.text)
    try:
        value = parse_json(part.data)
    except ApiError as error:
        why = error.details["why"]
        shown = part.data[:200].decode(errors="replace")
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"{one.name} is not valid JSON: {why}",
            reason=f"the part {one.name} cannot be read: {why}",
            param=one.name,
            details={"schema": f"{shown!r} is not of type 'object' - {one.name!r}"},
        ) from None
    return coerced(one, value) if lenient else value


def _check(
    call: Call,
    body: RequestBody,
    breach: SchemaBreach | None,
    values: Mapping[str, object],
    form: Form | None = None,
) -> None:
    """Refuse a request that breaks its schema, or has unknown members where those are refused."""
    if breach is not None:
        raise _explained(breach.error, breach, body, form)
    inner = values.get(body.holder)
    if is_object(inner) and call.setting("unknown_members") == "refuse":
        known = [one.name for one in Judge(str(call.setting("api_version"))).known(body.asked)]
        for name in inner:
            if name not in known:
                told = f"Additional properties are not allowed ({name!r} was unexpected)"
                plain = f"is not a member of {body.holder}; it has {', '.join(known)}"
                raise SchemaBreach((body.holder, name), told, plain).error


def _missing_file(form: Form, body: RequestBody) -> SchemaBreach | None:
    """The violation of a form without a required file."""
    names = (one.name for one in body.files if one.required and form.last(one.name) is None)
    return next((missing((), name) for name in names), None)


def _explained(refusal: ApiError, breach: SchemaBreach, body: RequestBody, form: Form | None) -> ApiError:
    """Say for people which part was expected, if a picture or the JSON is missing."""
    if body.holder and breach.missing == body.holder:
        refusal.reason = f"this endpoint wants a part named {body.holder} holding a JSON object"
    if form is not None and breach.missing in [one.name for one in body.files]:
        lookalike = next((one.name for one in form.parts if one.is_file), None)
        sent = f"; the file came as {lookalike!r}" if lookalike else ""
        refusal.reason = f"this endpoint wants the picture in a part named {breach.missing}{sent}"
    return refusal


def _pictures(form: Form, one: Files, limit: int) -> tuple[Part, ...]:
    """The files under a name; an empty one that is not required is missing: a browser's empty field."""
    parts = [part for part in form.all(one.name) if part.data or one.required]
    kept = tuple(parts if one.many else parts[-1:])
    for size, most in (
        *((len(part.data), one.each or limit) for part in kept),
        (sum(len(part.data) for part in kept), one.total or one.room(limit)),
    ):
        if size > most:
            raise ApiError(
                Problem.FILE_TOO_LARGE,
                "File is too large",
                reason=f"{one.name} holds {size:,} bytes and {most:,} are allowed",
                param=one.name,
                details={"limit": most, "received": size, "part": one.name},
            )
    return kept


def _in_force(
    body: RequestBody, judge: Judge, values: Mapping[str, object], files: Mapping[str, tuple[Part, ...]]
) -> Asked:
    """The parameters with defaults, after their rules were checked.

    A member that this operation does not have is ignored, even if others have it and would use it unchecked.
    """
    inner = values[body.holder] if body.holder else values
    assert is_object(inner)  # valid by its schema
    known = judge.known(body.asked)
    usual = {one.name: one.default for one in known if one.default is not None}
    sent = {one.name: inner[one.name] for one in known if one.name in inner}
    asked = Asked(usual | sent, files, tuple(one.name for one in body.files if one.many))
    for rule in body.rules:
        rule(asked)
    return asked
