"""The boundary set: the same names every time, every body what its mode says."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from fauxscale_contracts import ContractError, api_versions, boundary_responses, load
from fauxscale_contracts.contract.operations import Content
from fauxscale_contracts.generate.boundaries import Mode, reply_schema

NOTHING = Content("", {}, None)
MODES: tuple[Mode, ...] = ("valid", "additive", "hostile")
# One reply for each schema there is: references to the same one share an object.
REPLIES = {
    id(content.schema): (api_version, operation.name, int(status))
    for provider, dates in api_versions().items()
    for api_version in dates
    for operation in load(provider, api_version=api_version).operations.values()
    for status, answer in operation.answers.items()
    if "example" in (content := answer.contents.get("application/json", NOTHING)).node
}.values()


def test_the_names_are_those_they_were() -> None:
    names = {mode: [name for name, _ in boundary_responses("ideogram.upscale", mode=mode)] for mode in MODES}
    assert names["valid"] == [
        "as-recorded",
        "minimal",
        "created=2000-01-23T04:56:07+00:00",
        "data=none",
        "data=many",
        "data[0].upscaled_resolution absent",
        "data[0].url absent",
        "data[0].style_type absent",
        "data[0].prompt=empty",
        "data[0].prompt=long",
        "data[0].prompt=unicode",
        "data[0].prompt=markup",
        "data[0].is_image_safe=false",
        "data[0].seed=least",
        "data[0].seed=most",
        "data[0].seed=as-float",
        "data[0].url=null",
        "data[0].url=empty",
        *(
            f"data[0].style_type={word}"
            for word in ("AUTO", "FICTION", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME")
        ),
    ]
    assert names["additive"] == [
        "+unheard_of",
        "+constructor",
        "+nameless",
        "data+one-more",
        "data[0]+unheard_of",
        "data[0]+constructor",
        "data[0]+nameless",
        "data[0].style_type=NEW_WORD",
    ]
    assert {"=null", "data missing", "data[0].url=number", "data[0].seed=too-much"} <= set(names["hostile"])
    assert len(names["hostile"]) > 60


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("api_version", "operation", "status"), REPLIES)
def test_every_body_is_what_its_mode_says(api_version: str, operation: str, status: int, mode: Mode) -> None:
    schema = reply_schema(
        load(operation.partition(".")[0], api_version=api_version).operation(operation), status
    )
    found = boundary_responses(operation, status, mode=mode, api_version=api_version)
    texts = [json.dumps(body, sort_keys=True) for _, body in found]
    assert len(set(texts)) == len(texts)
    assert len({name for name, _ in found}) == len(found)
    if mode != "additive":
        assert {schema.is_valid(body) for _, body in found} == {mode == "valid"}


def test_an_additive_body_is_a_valid_one_with_something_new() -> None:
    schema = reply_schema(load("ideogram").operation("ideogram.upscale"), 200)
    for name, body in boundary_responses("ideogram.upscale", mode="additive"):
        found = schema.violations(body, ())
        if "+one-more" in name:
            assert found == []
        else:
            (only,) = found
            assert only.severity == ("would be rejected" if "NEW_WORD" in name else "undocumented")


def test_the_minimal_body_has_what_is_required_and_nothing_more() -> None:
    body = cast("dict[str, Any]", dict(boundary_responses("ideogram.upscale"))["minimal"])
    assert set(body) == {"created", "data"}
    assert set(body["data"][0]) == {"prompt", "resolution", "is_image_safe", "seed"}


def test_numbers_and_alternatives_have_boundaries_too() -> None:
    names = {name for name, _ in boundary_responses("lumenfall.edits")}
    assert {"metadata.cost=fraction", "metadata.cost=least", "data=none", "data[0].url=null"} <= names
    assert "queue_position=most" in {name for name, _ in boundary_responses("fal.submit")}


@pytest.mark.parametrize(
    ("operation", "status", "complaint"),
    [
        ("ideogram.upscale", 299, "ideogram.upscale has no status 299: it has 200, 400"),
        ("ideogram.download", 200, "ideogram.download does not answer 200 with JSON"),
        ("ideogram.nothing", 200, "choose from"),
    ],
)
def test_what_is_not_on_record_is_refused(operation: str, status: int, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        boundary_responses(operation, status)
