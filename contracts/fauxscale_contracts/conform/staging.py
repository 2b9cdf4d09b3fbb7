"""Writes the lines of Python that stage a scenario on an account, for a user's own test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec import NODEFAULT
from msgspec.structs import fields

from fauxscale import Fault

from .scenario import Scenario, StagedFault

# A client's picture: the arguments of `sample_image` that make a picture of the kind.
_PICTURES = {
    "png-rgb": '("PNG", 576, 432)',
    "png-rgba": '("PNG", 576, 432, mode="RGBA")',
    "png-grey": '("PNG", 576, 432, mode="L")',
    "png-grey-alpha": '("PNG", 576, 432, mode="LA")',
    "png-palette": '("PNG", 576, 432, mode="P")',
    "png-one-bit": '("PNG", 576, 432, mode="1")',
    "jpeg": '("JPEG", 576, 432)',
    "jpeg-grey": '("JPEG", 576, 432, mode="L")',
    "jpeg-cmyk": '("JPEG", 576, 432, mode="CMYK")',
    "webp": '("WEBP", 576, 432)',
    "webp-alpha": '("WEBP", 576, 432, mode="RGBA")',
    "jpeg-turned": '("JPEG", 576, 432, exif_orientation=6)',
    "png-one-pixel": '("PNG", 1, 1)',
    "png-wide": '("PNG", 1152, 432)',
    "gif": '("GIF", mode="P")',
    "cut": '.truncated("PNG")',
    "text": ".not_an_image()",
    "oversize": ".oversized(26 * 1024 * 1024)",
}
_DRAWN = {
    # No sample has two frames, and an empty file is no sample.
    "webp-animated": (
        'one, two = (Image.new("RGB", (576, 432), colour) for colour in ("red", "blue"))',
        'one.save(file := BytesIO(), "WEBP", save_all=True, append_images=[two])',
        "picture = file.getvalue()",
    ),
    "empty": ('picture = b""',),
}
_WRONG_KEY = "no-key-that-is-known: invalid"


def staging_lines(scenario: Scenario, account: str = "fauxscale") -> list[str]:
    """The lines that stage a scenario before the client is called, on the account of that name.

    They put what the client gets (a picture, a mask, options, a key) into variables, `picture` with the fixture
    `sample_image`. A comment says what has to happen while the client runs.
    """
    return [*_lines(scenario, account)]


def staging_imports(scenario: Scenario) -> list[str]:
    """The imports that the lines of a scenario need, in order."""
    kinds = sorted({type(one.fault).__name__ for one in scenario.faults})
    imports = [f"from fauxscale import {', '.join(kinds)}"] if kinds else []
    if _is_about_a_picture(scenario) and scenario.picture == "webp-animated":
        imports = ["from io import BytesIO", "from PIL import Image"]
    return imports


def _lines(scenario: Scenario, account: str) -> Iterator[str]:
    for staged in scenario.faults:
        yield f"{account}.faults.add({_call(staged.fault)}, {_when(staged)})"
    if scenario.terms:
        said = ", ".join(f"{name}={_shown(value)}" for name, value in scenario.terms.items())
        yield f"{account}.settings({said})"
    if scenario.clock:
        yield f"{account}.clock.advance(seconds={scenario.clock:g})"
    if scenario.key == "wrong":
        yield f"api_key = {_shown(_WRONG_KEY)}"
    if scenario.options:
        yield f"options = {_shown(scenario.options)}"
    if scenario.mask != "fits":
        yield 'picture = sample_image("PNG", 1152, 864)'
        yield 'mask = sample_image("PNG", 576, 432, mode="L")'
    if _is_about_a_picture(scenario):
        yield from _DRAWN.get(scenario.picture) or (f"picture = sample_image{_PICTURES[scenario.picture]}",)
    if scenario.together > 1:
        yield f"# then {scenario.together} clients at once"
    if scenario.meanwhile == "reordered":
        yield f"# once both are submitted: {account}.jobs.finish(the id of the second), then of the first"
    elif scenario.meanwhile == "cancelled":
        yield f"# while the client polls: {account}.jobs.fail(status=499)"


def _is_about_a_picture(scenario: Scenario) -> bool:
    """Whether only the file is special about it."""
    staged = (scenario.faults, scenario.terms, scenario.clock, scenario.options, scenario.meanwhile)
    return not any(staged) and scenario.key == "good" and scenario.mask == "fits"


def _call(fault: Fault) -> str:
    """The code that makes a fault: members with their default are left out, required ones are positional."""
    known: Any = fault  # every kind is a Struct; the protocol cannot say so
    said: list[str] = []
    for one in fields(known):
        value = getattr(fault, one.name)
        if one.required:
            said.append(_shown(value))
        elif value != (one.default if one.default_factory is NODEFAULT else one.default_factory()):
            said.append(f"{one.name}={_shown(value)}")
    return f"{type(fault).__name__}({', '.join(said)})"


def _when(staged: StagedFault) -> str:
    often = "" if staged.times == 1 else f", times={staged.times}"
    return f'on="{staged.on}"{often}'


def _shown(value: object) -> str:
    """A value as code, texts in double quotes if they need no escape."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return "{" + ", ".join(f"{_shown(name)}: {_shown(inner)}" for name, inner in pairs) + "}"
    if isinstance(value, str) and '"' not in value:
        return '"' + repr(value + '"')[1:-2].replace("\\'", "'") + '"'
    return f"{value:g}" if isinstance(value, float) else repr(value)
