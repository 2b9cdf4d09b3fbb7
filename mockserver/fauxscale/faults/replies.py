"""Faults of successful replies: the status is 200, but the content is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, cast

from msgspec import Struct, field

from .effects import Alter, Refuse, SendLink, Withhold
from .fault import AlsoOnDownloads, FaultContext, NotApplicable, RequestKind, Stage
from .validation import header, sendable, within

_PICTURES = ("url", "b64_json")  # where every imitated service has a result: a link, or bytes in base64


class UnsafeImage(Struct, frozen=True):
    """Treat the picture as unsafe: an error (`refuse`), or a 200 without a link that flags it as unsafe.

    Of several images of one call, `only` the one of this number, from 0, is left out.
    """

    refuse: bool = False
    only: int | None = None

    stage: ClassVar[Stage] = "outcome"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 0, 1_000, "only")
        if self.refuse and self.only is not None:
            raise ValueError("UnsafeImage: what is refused is refused whole; only says what a 200 leaves out")

    async def apply(self, context: FaultContext) -> None:
        context.ask(Refuse() if self.refuse else Withhold(self.only))


class SameSize(Struct, frozen=True):
    """Make the link lead to the picture in its original size; the reply says that it was enlarged."""

    stage: ClassVar[Stage] = "outcome"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(Alter("same-size"))


class Smaller(Struct, frozen=True):
    """Make the link lead to a picture of half the original size; the reply says that it was enlarged."""

    stage: ClassVar[Stage] = "outcome"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(Alter("smaller"))


class SwappedResults(Struct, frozen=True):
    """Make the link lead to the result of the account's next upload, else the previous one, else to another picture."""

    stage: ClassVar[Stage] = "outcome"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(Alter("swapped"))


class UrlInsteadOfBase64(Struct, frozen=True):
    """Send a link although the call requested base64."""

    stage: ClassVar[Stage] = "inline"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(SendLink())


class EmptyData(Struct, frozen=True):
    """Reply 200 with an empty list of results."""

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        body = context.reply.json()

        def empty(parent: dict[str, object]) -> None:
            for name, value in parent.items():
                if isinstance(value, list) and any(
                    _holds_picture(one) for one in cast("list[object]", value)
                ):
                    parent[name] = []

        _change(body, lambda one: any(isinstance(value, list) for value in one.values()), empty)
        context.reply.put_json(body)


class Body(AlsoOnDownloads, frozen=True):
    """Reply 200 with this body, after the work is done and charged: `json`, or `text` with `media_type`."""

    json: object = None
    text: str | None = None
    media_type: str = "application/json"

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        sendable(self, "json", "text")
        header(self, "media_type")

    async def apply(self, context: FaultContext) -> None:
        if self.text is None:
            context.reply.put_json(self.json)
        else:
            context.reply.body = self.text.encode()
        context.reply.media_type = self.media_type


class ForgedUrl(Struct, frozen=True):
    """Reply 200 with one character changed in every signed link, so that it does not verify."""

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        body = context.reply.json()

        def forge(one: dict[str, object]) -> None:
            url = str(one["url"])
            one["url"] = url[:-1] + ("1" if url.endswith("0") else "0")

        _change(body, lambda one: "?" in str(one.get("url")), forge)
        context.reply.put_json(body)


class NullUrl(Struct, frozen=True):
    """Reply 200 with null for every result's link, or its base64."""

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        body = context.reply.json()
        _change(
            body, _holds_picture, lambda one: one.update({name: None for name in _PICTURES if name in one})
        )
        context.reply.put_json(body)


class MissingField(Struct, frozen=True):
    """Leave out one member of the reply, by its JSON Pointer (RFC 6901): `/data/0/url`."""

    pointer: str

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.pointer.startswith("/"):
            raise ValueError(f"MissingField wants a JSON Pointer such as /data/0/url, got {self.pointer!r}")

    async def apply(self, context: FaultContext) -> None:
        body = context.reply.json()
        *way, last = _steps(self.pointer)
        parent = _at(body, way, self.pointer)
        _at(parent, [last], self.pointer)
        if isinstance(parent, dict):
            del cast("dict[str, object]", parent)[last]
        else:
            del cast("list[object]", parent)[int(last)]
        context.reply.put_json(body)


class ExtraFields(Struct, frozen=True):
    """Add undocumented members to the object at `pointer`, "" for the whole reply; existing ones stay."""

    fields: Mapping[str, object] = field(default_factory=lambda: {"added_in_a_later_version": True})
    pointer: str = ""

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        sendable(self, "fields")

    async def apply(self, context: FaultContext) -> None:
        body = context.reply.json()
        place = _at(body, _steps(self.pointer), self.pointer)
        if not isinstance(place, dict):
            raise NotApplicable(f"there is no object at {self.pointer!r} of the reply")
        known = cast("dict[str, object]", place)
        known.update({name: value for name, value in self.fields.items() if name not in known})
        context.reply.put_json(body)


def _holds_picture(value: object) -> bool:
    return isinstance(value, dict) and any(name in value for name in _PICTURES)


def _change(
    value: object,
    wanted: Callable[[dict[str, object]], bool],
    change: Callable[[dict[str, object]], None],
) -> None:
    """Change every selected object in a JSON value. Raises NotApplicable if nothing changed."""
    before = repr(value)
    ahead = [value]
    while ahead:
        one = ahead.pop()
        if isinstance(one, dict):
            known = cast("dict[str, object]", one)
            if wanted(known):
                change(known)
            ahead += known.values()
        elif isinstance(one, list):
            ahead += cast("list[object]", one)
    if repr(value) == before:
        raise NotApplicable("the reply holds no result to change")


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _at(value: object, way: list[str], pointer: str) -> object:
    """Follow a JSON Pointer's steps. Raises NotApplicable if it points to nothing."""
    for step in way:
        if isinstance(value, dict) and step in value:
            value = cast("dict[str, object]", value)[step]
        elif (
            isinstance(value, list)
            and step.isdecimal()
            and len(step) < 10
            and int(step) < len(cast("list[object]", value))
        ):
            value = cast("list[object]", value)[int(step)]
        else:
            raise NotApplicable(f"the reply has nothing at {pointer}")
    return value
