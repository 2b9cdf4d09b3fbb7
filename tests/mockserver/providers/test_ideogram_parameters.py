"""Every part of every picture operation of Ideogram is judged as its documentation says.

The tables here are written after the documentation, not after the server's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import httpx
import pytest

from fauxscale import Settings
from tests.calls.ideogram import SAMPLES, Sample
from tests.calls.ideogram_datasets import Ideogram
from tests.pictures import picture
from tests.stages import Stage, open_stage

_V3_RATIOS = "1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1"
RATIOS = ["10_16", "16_10", "9_16", "16_9", "3_2", "2_3", "4_3", "3_4", "1_1", "1_3", "3_1"]
MODELS = ["V_1", "V_1_TURBO", "V_2", "V_2_TURBO", "V_2A", "V_2A_TURBO", "AUTO"]
HUGE = "9" * 5_000


@dataclass(frozen=True)
class Part:
    """A part: values that are taken, and values that are not, each with what jsonschema says of it ("": only that it
    is not taken). `text` is how they are written in a form, where that is not their own text."""

    name: str
    good: tuple[object, ...]
    bad: Mapping[str, tuple[object, str]] = field(default_factory=dict)
    in_forms: Mapping[str, str] = field(default_factory=dict)


def integer(name: str, least: int, most: int) -> Part:
    bad = {
        "under": (least - 1, f"{least - 1} is less than the minimum of {least}"),
        "over": (most + 1, f"{most + 1} is greater than the maximum of {most}"),
        "word": ("x", "'x' is not of type 'integer'"),
        "fraction": (least + 0.5, f"{least + 0.5} is not of type 'integer'"),
        "huge": (10**30, f"{10**30} is greater than the maximum of {most}"),
        "null": (None, "None is not of type 'integer'"),
        "list": ([least], f"[{least}] is not of type 'integer'"),
    }
    # What is a text of a form, and no integer.
    texts = ("x", f"{least}.5", "1e1", "1_0", "\N{ARABIC-INDIC DIGIT THREE}", "0x1", "true", "None", HUGE)
    return Part(name, (least, most), bad, dict.fromkeys(texts, "integer"))


def choice(name: str, *options: str, own: str = "") -> Part:
    listed = list(options)
    bad: dict[str, tuple[object, str]] = {
        "unknown": ("NOPE", f"'NOPE' is not one of {listed!r}"),
        "lower case": (options[0].lower() + "x", f"'{options[0].lower()}x' is not one of {listed!r}"),
        "blank": (f"{options[-1]} ", f"'{options[-1]} ' is not one of {listed!r}"),
        "null": (None, "None is not of type 'string'"),
        "number": (5, "5 is not of type 'string'"),
    }
    if own:
        bad["of another"] = (own, "")
    return Part(name, (options[0], options[-1]), bad)


def text(name: str) -> Part:
    return Part(
        name,
        ("plain", "Zoë’s “猫” \\ 🐈", "x" * 20_000),
        {"null": (None, "None is not of type 'string'"), "number": (5, "5 is not of type 'string'")},
    )


def palette() -> Part:
    def members(*colours: object) -> object:
        return {"members": [{"color_hex": one} if isinstance(one, str) else one for one in colours]}

    none = "is not valid under any of the given schemas"
    bad: dict[str, tuple[object, str]] = {
        "text": ("EMBER", "is not of type 'object'"),
        "nothing": ({}, f"{{}} {none}"),
        "both": ({"name": "EMBER", **members("#fff")}, none),  # type: ignore[dict-item]  # an object as above
        "unknown name": ({"name": "SEPIA"}, "'SEPIA' is not one of"),
        "no member": (members(), "[] is too short"),
        "nine members": (members(*["#fff"] * 9), "is too long"),
        "no colour": (members({"color_weight": 0.5}), "'color_hex' is a required property"),
        "colour of four": (members("#ffff"), "'#ffff' does not match"),
        "colour and a line": (members("#fff\n"), "does not match"),
        "no sign": (members("ffffff"), "'ffffff' does not match"),
        "weight of none": (
            members({"color_hex": "#fff", "color_weight": 0}),
            "0 is less than the minimum of",
        ),
        "weight over 1": (members({"color_hex": "#fff", "color_weight": 1.1}), "1.1 is greater than"),
        "weight in words": (
            members({"color_hex": "#fff", "color_weight": "1"}),
            "'1' is not of type 'number'",
        ),
    }
    good = (
        {"name": "ULTRAMARINE"},
        members(
            "#AbC", {"color_hex": "#012345", "color_weight": 0.05}, {"color_hex": "#fff", "color_weight": 1}
        ),
        members(*["#fff"] * 8),
    )
    return Part("color_palette", good, bad)


SEED, COUNT = integer("seed", 0, 2**31 - 1), integer("num_images", 1, 8)
WEIGHT = integer("image_weight", 1, 100)
PROMPT, NEGATIVE, PALETTE = text("prompt"), text("negative_prompt"), palette()
MAGIC = choice("magic_prompt", "AUTO", "ON", "OFF")
MAGIC_OPTION = choice("magic_prompt_option", "AUTO", "ON", "OFF")
SPEED = choice("rendering_speed", "FLASH", "TURBO", "DEFAULT", "QUALITY", own="BALANCED")
SLOWER = choice("rendering_speed", "TURBO", "DEFAULT", "QUALITY", own="FLASH")
RATIO = choice("aspect_ratio", *_V3_RATIOS.split(), own="16:9")
SIZE = Part(
    "resolution",
    ("512x1536", "1024x1024"),
    {"unknown": ("1024x1023", ""), "legacy": ("RESOLUTION_512_1536", "")},
)
STYLE = choice("style_type", "AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION", own="ANIME")
PRESET = Part("style_preset", ("80S_ILLUSTRATION", "WOODBLOCK_PRINT"), {"unknown": ("SEPIA", "")})
CODES = Part(
    "style_codes",
    (["0123abCD"], ["00000000", "FFFFFFFF"]),
    {
        "seven": (["0123456"], "'0123456' does not match '^[0-9a-fA-F]{8}$' - 'style_codes.0'"),
        "the second": (["00000000", "XYZ"], "'XYZ' does not match '^[0-9a-fA-F]{8}$' - 'style_codes.1'"),
        "a line more": (["0123abCD\n"], ""),
    },
)
URI = Part(
    "custom_model_uri",
    ("model/my-model/version/1",),
    {"no version": ("model/mine", ""), "address": ("https://a/b", "")},
)
FACTOR = choice("upscale_factor", "X1", "X2", "X4", own="X8")
LEGACY_SIZE = Part(
    "resolution",
    ("RESOLUTION_640_1024", "RESOLUTION_1280_800"),
    {"v3": ("1024x1024", ""), "unknown": ("RESOLUTION_800_1280", "")},
)
LEGACY_RATIO = choice("aspect_ratio", *(f"ASPECT_{one}" for one in RATIOS), own="1x1")
LEGACY_STYLE = choice(
    "style_type", "AUTO", "GENERAL", "FICTION", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME", own="CUSTOM"
)
MODEL, EDITORS = choice("model", *MODELS), choice("model", "V_2", "V_2_TURBO", own="V_2A")
DESCRIBERS = choice("describe_model_version", "V_2", "V_3", own="V_4")
FLAG = Part("transparent_background", (True, False), in_forms={"yes": "boolean", "1": "boolean"})

STYLED = (PRESET, PALETTE, CODES)
REQUEST = (
    PROMPT,
    LEGACY_RATIO,
    LEGACY_SIZE,
    MODEL,
    MAGIC_OPTION,
    SEED,
    LEGACY_STYLE,
    NEGATIVE,
    COUNT,
    PALETTE,
)
PARTS: Mapping[str, tuple[Part, ...]] = {
    "upscale": (PROMPT, integer("resemblance", 1, 100), integer("detail", 1, 100), MAGIC_OPTION, COUNT, SEED),
    "generate": REQUEST,
    "edit": (PROMPT, EDITORS, MAGIC_OPTION, COUNT, SEED, LEGACY_STYLE),
    "remix": (*REQUEST, WEIGHT),
    "reframe": (LEGACY_SIZE, MODEL, COUNT, SEED, LEGACY_STYLE),
    "describe": (DESCRIBERS,),
    "v1_edit": (PROMPT, COUNT, SEED, MAGIC, SIZE, RATIO, FLAG),
    "remove_background": (),
    "v3_generate": (PROMPT, SEED, SIZE, RATIO, SPEED, MAGIC, NEGATIVE, COUNT, *STYLED, STYLE, URI),
    "v3_generate_transparent": (PROMPT, SEED, FACTOR, RATIO, SLOWER, MAGIC, NEGATIVE, COUNT),
    "v3_inpaint": (PROMPT, MAGIC, COUNT, SEED, SPEED, STYLE, *STYLED),
    "v3_edit": (PROMPT, MAGIC, COUNT, SEED, SPEED, STYLE, *STYLED),
    "v3_remix": (PROMPT, WEIGHT, SEED, SIZE, RATIO, SPEED, MAGIC, NEGATIVE, COUNT, *STYLED, STYLE),
    "v3_reframe": (SIZE, COUNT, SEED, SPEED, *STYLED),
    "v3_replace_background": (PROMPT, MAGIC, COUNT, SEED, SPEED, *STYLED),
    "v3_layerize_text": (PROMPT, SEED),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "upscale": ("image_request", "image_file"),
    "generate": ("image_request.prompt",),
    "edit": ("image_file", "mask", "prompt", "model"),
    "remix": ("image_request.prompt", "image_file"),
    "reframe": ("image_file", "resolution", "model"),
    "describe": ("image_file",),
    "v1_edit": ("prompt",),
    "remove_background": ("image",),
    "v3_generate": ("prompt",),
    "v3_generate_transparent": ("prompt",),
    "v3_inpaint": ("image", "mask", "prompt"),
    "v3_edit": ("image", "mask", "prompt"),
    "v3_remix": ("image", "prompt"),
    "v3_reframe": ("image", "resolution"),
    "v3_replace_background": ("image", "prompt"),
    "v3_layerize_text": ("image",),
}
# What would otherwise refuse a value for a reason of its own.
MAKES_ROOM: Mapping[str, Mapping[str, object]] = {
    "color_palette": {"model": "V_2"},
    "negative_prompt": {"model": "V_2"},
}


class Asking:
    """One account, and calls of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.http = stage, stage.http
        self.account = stage.account()
        self.key, self.base = self.account.api_key("ideogram"), stage.base_url("ideogram")
        assert Ideogram(stage, self.account).trained() == URI.good[0]

    def send(self, name: str, **changes: Any) -> httpx.Response:
        return SAMPLES[name].send(self.http, self.base, self.key, **changes)

    def with_value(self, name: str, part: str, value: object, **others: object) -> httpx.Response:
        """Send a sample with one of its parts set, as a member of its JSON or as a part of its form."""
        sample = SAMPLES[name]
        if sample.json:
            return self.send(name, **asked_with(sample, part, value, others))
        return self.send(name, **{part: written(value), **{one: str(other) for one, other in others.items()}})


def asked_with(sample: Sample, part: str, value: object, others: Mapping[str, object]) -> dict[str, str]:
    """The JSON of a sample with a member set, null included."""
    change = sample.asked(**others)
    held = json.loads(change[sample.json])
    (held["image_request"] if sample.json == "body" else held)[part] = value
    return {sample.json: json.dumps(held)}


def written(value: object) -> Any:
    if isinstance(value, list):
        return [str(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


@pytest.fixture(scope="module")
def observed() -> Iterator[Asking]:
    """The bodies that were observed, on the parameters of 2026-04."""
    for stage in open_stage("in-process", Settings(options={"ideogram.errors": "v2"})):
        yield Asking(stage)


@pytest.fixture(scope="module")
def plain() -> Iterator[Asking]:
    for stage in open_stage("in-process"):
        yield Asking(stage)


def details(reply: httpx.Response) -> Any:
    """What a problem document says is wrong."""
    assert reply.status_code == 400, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert (body["type"], body["title"], body["status"]) == ("about:blank", "Bad Request", 400)
    return body["detail"]


def path_to(name: str, part: str) -> str:
    return f"image_request.{part}" if SAMPLES[name].json else part


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_of_an_operation_is_taken(observed: Asking, name: str) -> None:
    assert observed.send(name).status_code == 200


@pytest.mark.parametrize("name", PARTS)
def test_every_part_takes_its_documented_values(plain: Asking, name: str) -> None:
    for part in PARTS[name]:
        room = MAKES_ROOM.get(part.name, {}) if SAMPLES[name].json else {}
        for value in part.good[-1:]:
            reply = plain.with_value(name, part.name, value, **room)
            assert reply.status_code == 200, (part.name, value, reply.text)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_refuses_what_it_does_not_know_and_names_itself(observed: Asking, name: str) -> None:
    for part in PARTS[name]:
        for value, said in [*part.bad.values()][:2]:
            if not SAMPLES[name].json and not isinstance(value, str | int | dict | list):
                continue  # a form has texts
            if value == 5 or value is None:
                continue
            found = details(observed.with_value(name, part.name, value))
            assert isinstance(found, str), found
            assert f" - '{path_to(name, part.name)}" in found, found
            assert said in found


# Each part once as a member of JSON and once as a part of a form, with all values.
ONCE = {
    (part.name, bool(SAMPLES[name].json), len(part.bad), part.good[:1] and str(part.good[0])): (name, part)
    for name, parts in list(PARTS.items())[::-1]
    for part in parts
}


@pytest.mark.parametrize(("name", "part"), ONCE.values(), ids=lambda one: getattr(one, "name", one))
def test_a_part_takes_all_of_its_values_and_none_that_it_should_not(
    observed: Asking, name: str, part: Part
) -> None:
    held = SAMPLES[name].json
    room = MAKES_ROOM.get(part.name, {}) if held else {}
    for value in part.good:
        assert observed.with_value(name, part.name, value, **room).status_code == 200, value
    for value, said in part.bad.values():
        if not held and said.endswith(("'string'", "'integer'")):
            continue  # a form has texts: any is a string, and those that are no integer are below
        found = details(observed.with_value(name, part.name, value, **room))
        assert said in str(found), (value, found)
    for one, kind in ({} if held else part.in_forms).items():
        found = details(observed.with_value(name, part.name, one))
        assert found == [f"Wrong type, expected '{kind}' for requestBody parameter '{part.name}'"]


def test_the_tables_of_sizes_and_presets_are_the_documented_ones(observed: Asking) -> None:
    def listed(name: str, part: str) -> list[str]:
        found = details(observed.with_value(name, part, "NOPE"))
        head, tail = "'NOPE' is not one of ", f" - '{path_to(name, part)}'"
        assert found.startswith(head)
        assert found.endswith(tail)
        values: list[str] = json.loads(found[len(head) : -len(tail)].replace("'", '"'))
        return values

    sizes, legacy = listed("v3_generate", "resolution"), listed("generate", "resolution")
    assert (len(sizes), len(legacy), len(listed("v3_generate", "style_preset"))) == (69, 78, 62)
    # What the documentation says of the two lists.
    in_words = {one.removeprefix("RESOLUTION_").replace("_", "x") for one in legacy}
    assert set(sizes) - in_words == {"800x1280"}
    only_legacy = "640x1024 720x1280 768x1024 768x1152 768x1232 1024x640 1024x768 1152x768 1232x768 1280x720"
    assert in_words - set(sizes) == set(only_legacy.split())


@pytest.mark.parametrize(
    ("name", "missing"), [(name, one) for name, many in REQUIRED.items() for one in many]
)
def test_what_is_required_is_named_when_it_is_missing(observed: Asking, name: str, missing: str) -> None:
    holder, _, member = missing.rpartition(".")
    sample = SAMPLES[name]
    if holder:
        reply = observed.send(name, **sample.asked(**{member: None}))
        assert details(reply) == f"'{member}' is a required property - '{holder}'"
    else:
        assert details(observed.send(name, **{missing: None})) == f"'{missing}' is a required property"


def test_a_body_without_its_object_says_so(observed: Asking) -> None:
    assert details(observed.send("generate", body="{}")) == "'image_request' is a required property"
    for body in ('{"image_request": []}', '{"image_request": "{}"}', '{"image_request": null}'):
        assert "is not of type 'object' - 'image_request'" in details(observed.send("generate", body=body))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_part_that_nobody_knows_is_ignored(plain: Asking, name: str) -> None:
    if SAMPLES[name].json == "body":
        assert plain.with_value(name, "unheard_of", {"a": [1]}).status_code == 200
    else:
        assert plain.send(name, unheard_of="x", another=b"a file").status_code == 200


@pytest.mark.parametrize("name", [name for name in PARTS if not SAMPLES[name].json])
def test_an_empty_text_of_what_is_optional_is_as_if_not_sent(plain: Asking, name: str) -> None:
    names = [part.name for part in PARTS[name] if part.name not in REQUIRED[name]]
    assert plain.send(name, **dict.fromkeys(names, "")).status_code == 200


@pytest.mark.parametrize("name", [name for name in PARTS if not SAMPLES[name].json and SEED in PARTS[name]])
def test_of_a_text_sent_twice_the_last_counts(plain: Asking, name: str) -> None:
    assert plain.send(name, seed=["-1", "7"]).status_code == 200
    assert plain.send(name, seed=["7", "-1"]).status_code == 400


@pytest.mark.parametrize(
    ("name", "part"), [("v3_remix", "image"), ("upscale", "image_file"), ("v3_inpaint", "mask")]
)
def test_of_two_files_in_a_part_for_one_the_last_counts(plain: Asking, name: str, part: str) -> None:
    good = picture(width=64, height=48)
    assert plain.send(name, **{part: [b"none", good]}).status_code == 200
    assert plain.send(name, **{part: [good, b"none"]}).status_code == 400


@pytest.mark.parametrize("name", ["v3_generate", "generate", "remix"])
def test_texts_of_every_size_are_answered(plain: Asking, name: str) -> None:
    for size in (100_000, 200_000):
        assert plain.with_value(name, "prompt", "x" * size).status_code == 200
    assert plain.with_value(name, "prompt", "x" * 2_000_000).status_code == 400
    refused = plain.with_value(name, "seed", "x" * 100_000)
    assert refused.status_code == 400
    assert len(refused.content) < 10_000, "what a stranger sent is not echoed at length"


# Which values of a call go together.

TWO: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "resolution and aspect_ratio": ("v3_generate", {"resolution": "1024x1024", "aspect_ratio": "1x1"}),
    "the same, of remix": ("v3_remix", {"resolution": "1024x1024", "aspect_ratio": "1x1"}),
    "the same, of edit": ("v1_edit", {"resolution": "1024x1024", "aspect_ratio": "1x1"}),
    "style_codes and style_type": ("v3_generate", {"style_codes": "0123abcd", "style_type": "AUTO"}),
    "style_preset and style_codes": ("v3_reframe", {"style_preset": "AURA", "style_codes": "0123abcd"}),
}
REFERENCE = picture(width=30, height=20)


@pytest.mark.parametrize("name", TWO)
def test_what_does_not_go_together_is_refused_in_a_sentence(observed: Asking, name: str) -> None:
    operation, fields = TWO[name]
    reply = observed.send(operation, **fields)
    assert reply.status_code == 400
    assert set(reply.json()) == {"error"}
    assert all(one in reply.json()["error"] for one in fields)
    for one, value in fields.items():
        assert observed.send(operation, **{one: value}).status_code == 200


@pytest.mark.parametrize("member", ["style_codes", "style_preset"])
def test_style_references_take_no_other_style_beside_them(observed: Asking, member: str) -> None:
    value = {"style_codes": "0123abcd", "style_preset": "AURA"}[member]
    assert observed.send("v3_inpaint", style_reference_images=[REFERENCE] * 11).status_code == 200
    reply = observed.send("v3_inpaint", style_reference_images=[REFERENCE], **{member: value})
    assert (reply.status_code, set(reply.json())) == (400, {"error"})


def test_the_two_members_of_legacy_sizes_exclude_each_other(observed: Asking) -> None:
    for name in ("generate", "remix"):
        both = {"resolution": "RESOLUTION_1024_1024", "aspect_ratio": "ASPECT_1_1"}
        reply = observed.send(name, **SAMPLES[name].asked(**both))
        assert (reply.status_code, set(reply.json())) == (400, {"error"})


@pytest.mark.parametrize(
    ("member", "value", "unable", "able"),
    [
        ("negative_prompt", "dogs", ("V_2A", "V_2A_TURBO", "AUTO"), ("V_1", "V_1_TURBO", "V_2", "V_2_TURBO")),
        ("color_palette", {"name": "EMBER"}, ("V_1", "V_1_TURBO", "V_2A", "V_2A_TURBO"), ("V_2", "AUTO")),
        ("style_type", "ANIME", ("V_1", "V_1_TURBO"), ("V_2", "V_2A")),
        ("resolution", "RESOLUTION_1024_1024", ("V_1", "V_1_TURBO"), ("V_2", "V_2A")),
    ],
)
def test_a_legacy_model_takes_what_it_can(
    observed: Asking, member: str, value: object, unable: tuple[str, ...], able: tuple[str, ...]
) -> None:
    for name in ("generate", "remix"):
        for model in (*unable, *able):
            reply = observed.send(name, **SAMPLES[name].asked(**{member: value, "model": model}))
            assert reply.status_code == (200 if model in able else 400), (name, model)


def test_a_character_has_one_reference_and_as_many_masks(observed: Asking) -> None:
    mask = picture(width=30, height=20, mode="L")

    def send(references: int, masks: list[bytes]) -> httpx.Response:
        return observed.send(
            "v3_generate",
            character_reference_images=[REFERENCE] * references,
            character_reference_images_mask=masks,
        )

    assert send(1, []).status_code == send(1, [mask]).status_code == 200
    assert send(0, [mask]).json()["error"].startswith("A character reference is required: provide a ")
    for refused in (send(2, []), send(1, [mask, mask]), send(1, [picture(width=31, height=20)])):
        assert (refused.status_code, set(refused.json())) == (400, {"error"})


# What a later API version adds.


def test_2026_10_knows_more_choices_and_members() -> None:
    later: tuple[tuple[str, str, object], ...] = (
        ("v3_generate", "rendering_speed", "BALANCED"),
        ("v3_generate", "style_type", "CUSTOM"),
        ("describe", "describe_model_version", "V_4"),
        ("generate", "model", "V_3"),
        ("generate", "style_type", "STYLIZED"),
    )
    for stage in open_stage("in-process", Settings(options={"ideogram.api_version": "2026-10"})):
        asking = Asking(stage)
        for name, part, value in later:
            assert asking.with_value(name, part, value).status_code == 200, (name, part)
        assert "does not match" in details(asking.send("v3_remix", custom_model_uri="none"))
        assert "not one of" in details(asking.with_value("generate", "magic_prompt_version", "V_9"))


def test_2026_04_does_not(plain: Asking) -> None:
    assert plain.send("v3_remix", custom_model_uri="none").status_code == 200, "not known, so ignored"
    assert plain.with_value("generate", "magic_prompt_version", "V_9").status_code == 200
    assert plain.with_value("v3_generate", "rendering_speed", "BALANCED").status_code == 400


# Both families of bodies.


def test_inside_a_json_part_integers_may_be_texts_where_that_was_observed(
    observed: Asking, plain: Asking
) -> None:
    for value in ("50", True):
        assert observed.with_value("upscale", "detail", value).status_code == 200
        assert plain.with_value("upscale", "detail", value).status_code == 400
    for body in (
        '{"image_request": {"prompt": "a", "seed": "50"}}',
        '{"image_request": {"prompt": "a", "seed": true}}',
    ):
        assert observed.send("generate", body=body).status_code == 400, "JSON that is no part of a form"


def test_all_texts_of_the_wrong_type_are_told_in_one_list(observed: Asking) -> None:
    found = details(observed.send("v3_generate", seed="x", num_images="y"))
    assert found == [
        "Wrong type, expected 'integer' for requestBody parameter 'seed'",
        "Wrong type, expected 'integer' for requestBody parameter 'num_images'",
    ]


@pytest.mark.parametrize("name", PARTS)
def test_the_plain_family_names_the_part_too(plain: Asking, name: str) -> None:
    for part in PARTS[name][:3]:
        for value, _ in [one for one in part.bad.values() if not isinstance(one[0], int | None)][:1]:
            reply = plain.with_value(name, part.name, value)
            assert reply.status_code == 400
            assert set(reply.json()) == {"error", "message"}
            assert path_to(name, part.name) in reply.json()["error"]


def test_every_member_can_be_looked_up_by_its_name() -> None:
    """What tests may filter calls by is what the operations' tables have."""
    from fauxscale.providers.ideogram import PROVIDER, endpoints
    from fauxscale.providers.ideogram.operations import OPERATIONS

    named = set(chain.from_iterable(one.body.names for one in OPERATIONS.values()))
    pictures = {file.name for one in OPERATIONS.values() for file in one.body.files if not file.many}
    assert set(PROVIDER.parameters) == (named - pictures) | set(endpoints.PARAMETERS)
    routed = {one.operation for site in PROVIDER.sites for one in site.endpoints if one.price}
    assert routed == set(OPERATIONS)
