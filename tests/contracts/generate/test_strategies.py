"""Generated pictures, requests and replies are what they claim to be."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fauxscale_contracts import (
    ContractError,
    Exchange,
    Request,
    broken_images,
    fuzz_responses,
    images,
    load,
    requests,
    responses,
)
from fauxscale_contracts.contract.schemas import Document
from fauxscale_contracts.generate.boundaries import Mode, boundary_responses, reply_schema
from fauxscale_contracts.generate.values import from_schema

OPERATIONS = [
    operation.name
    for provider in ("ideogram", "aigateway", "lumenfall", "fal")
    for operation in load(provider).operations.values()
]
# One reply for each schema there is: references to the same one share an object.
REPLIES = {
    id(answer.contents["application/json"].schema): (operation.name, int(status))
    for provider in ("ideogram", "aigateway", "lumenfall", "fal")
    for operation in load(provider).operations.values()
    for status, answer in operation.answers.items()
    if "application/json" in answer.contents
}.values()
quick = settings(max_examples=20, deadline=None, database=None, derandomize=True)
many = settings(quick, max_examples=100)
hundreds = settings(quick, max_examples=300)


@pytest.mark.parametrize("mode", ["valid", "additive", "hostile"])
@pytest.mark.parametrize(("operation", "status"), REPLIES)
def test_replies_are_valid_additive_or_hostile_as_asked(operation: str, status: int, mode: Mode) -> None:
    schema = reply_schema(load(operation.partition(".")[0]).operation(operation), status)
    drawn: list[bool] = []

    @quick
    @given(responses(operation, status, mode=mode))
    def run(body: Any) -> None:
        if mode == "additive":
            assert all("\n" not in one.rule for one in schema.violations(body, ()))
        else:
            assert schema.is_valid(body) == (mode == "valid")
        drawn.append(True)

    run()
    assert drawn


def texts(value: Any) -> Iterator[str]:
    """Every text in a reply."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize(("operation", "status"), REPLIES)
def test_dates_and_sizes_in_valid_replies_are_possible_ones(operation: str, status: int) -> None:
    @quick
    @given(responses(operation, status))
    def run(body: Any) -> None:
        for text in texts(body):
            if re.match("[0-9]{4}-[0-9]{2}-", text):
                assert datetime.fromisoformat(text).year >= 1969
            if re.fullmatch("[0-9]+x[0-9]+", text):
                assert min(map(int, text.split("x"))) > 0

    run()


def test_dates_and_sizes_differ_in_every_way_a_pattern_allows() -> None:
    created: set[str] = set()
    sizes: set[str] = set()

    @many
    @given(responses("ideogram.upscale"))
    def run(body: Any) -> None:
        created.add(body["created"])
        sizes.update(one["resolution"] for one in body["data"])

    run()
    assert {one[10] for one in created} == {"T", " "}
    assert any(one.endswith("Z") for one in created)
    assert any("." in one for one in created)
    assert len(created) > 20
    assert len(sizes) > 5
    assert all(min(map(int, one.split("x"))) > 0 for one in sizes)


def test_hundreds_of_replies_are_valid_and_differ() -> None:
    schema = reply_schema(load("ideogram").operation("ideogram.upscale"), 200)
    seen: set[str] = set()

    @hundreds
    @given(responses("ideogram.upscale"))
    def run(body: Any) -> None:
        assert schema.violations(body, ()) == []
        seen.add(json.dumps(body))

    run()
    assert len(seen) > 200


def test_additive_replies_hold_something_new() -> None:
    schema = reply_schema(load("ideogram").operation("ideogram.upscale"), 200)

    def severities(body: Any) -> set[str]:
        return {one.severity for one in schema.violations(body, ())}

    new = [severities(body) for _, body in boundary_responses("ideogram.upscale", mode="additive")]
    assert set().union(*new) == {"undocumented", "would be rejected"}
    drawn: set[str] = set()

    @many
    @given(responses("ideogram.upscale", mode="additive"))
    def run(body: Any) -> None:
        drawn.update(severities(body))

    run()
    assert "undocumented" in drawn


@given(responses("ideogram.upscale"), responses("ideogram.upscale", link="http://127.0.0.1:9/x.png"))
@quick
def test_links_in_replies_lead_nowhere_or_where_told(free: Any, told: Any) -> None:
    assert all(one.get("url") is None or ".invalid/" in one["url"] for one in free["data"])
    assert all(one.get("url") in (None, "http://127.0.0.1:9/x.png") for one in told["data"])


@given(responses("ideogram.download"))
@quick
def test_a_reply_that_is_a_picture_gives_its_bytes(data: bytes) -> None:
    assert data.startswith(b"\x89PNG")


def test_a_reply_that_is_no_json_has_no_other_modes() -> None:
    with pytest.raises(ContractError, match="does not answer 200 with JSON"):
        responses("ideogram.download", mode="hostile")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_keep_the_contract(operation: str) -> None:
    contract = load(operation.partition(".")[0])

    @quick
    @given(requests(operation, api_key="abcdefgh"))
    def run(request: Request) -> None:
        found = contract.find(request.method, request.url)
        assert found is not None
        assert found.name == operation
        assert contract.check_request(Exchange(request)) == []

    run()


def test_requests_go_where_they_are_told_and_cover_the_contract() -> None:
    seen: set[str] = set()
    addresses: set[str] = set()

    @many
    @given(requests("ideogram.upscale", base_url="http://127.0.0.1:2160/ideogram/", api_key="k"))
    def run(request: Request) -> None:
        addresses.add(request.url)
        seen.update(
            name
            for name in ("seed", "num_images", "prompt", "AUTO", "WEBP", "JFIF")
            if name.encode() in request.body
        )

    run()
    assert addresses == {"http://127.0.0.1:2160/ideogram/upscale"}
    assert seen == {"seed", "num_images", "prompt", "AUTO", "WEBP", "JFIF"}


@given(images())
@many
def test_images_open_and_load(data: bytes) -> None:
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert image.format in ("PNG", "JPEG", "WEBP")
        assert max(image.size) <= 24


@given(broken_images())
@many
def test_broken_images_do_not_load(data: bytes) -> None:
    with pytest.raises((OSError, SyntaxError, ValueError, Image.DecompressionBombError)):
        with Image.open(BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            image.load()


class TestFuzzing:
    def test_the_boundary_set_comes_first_and_then_as_many_as_asked(self) -> None:
        bodies: list[Any] = []

        @fuzz_responses("ideogram.upscale", examples=30)
        def run(body: Any) -> None:
            bodies.append(body)

        run()
        edge = [body for _, body in boundary_responses("ideogram.upscale")]
        assert bodies[: len(edge)] == edge
        assert len(bodies) >= len(edge) + 25

    def test_a_naive_client_is_caught_by_name(self) -> None:
        @fuzz_responses("ideogram.upscale")
        def run(body: Any) -> None:
            assert body["data"][0]["resolution"]

        with pytest.raises(IndexError) as caught:
            run()
        assert caught.value.__notes__[0].startswith('boundary reply data=none: {"created":')

        assert (
            "curl -sS http://127.0.0.1:2160/__fauxscale/api/accounts/acct_1/faults -d"
            in (caught.value.__notes__[0])
        )

    def test_what_only_generated_replies_hold_is_found_too(self) -> None:
        edges = {one["seed"] for _, body in boundary_responses("ideogram.upscale") for one in body["data"]}

        @fuzz_responses("ideogram.upscale")
        def run(body: Any) -> None:
            assert {one["seed"] for one in body["data"]} <= edges

        with pytest.raises(AssertionError):
            run()

    def test_hostile_replies_are_fuzzed_too(self) -> None:
        kinds: set[str] = set()

        @fuzz_responses("ideogram.upscale", mode="hostile", examples=10, shrink=True)
        def run(body: Any) -> None:
            kinds.add(type(body).__name__)

        run()
        assert {"NoneType", "str", "list", "dict", "int", "bool"} <= kinds


@given(st.data())
@settings(quick, suppress_health_check=[HealthCheck.too_slow])
def test_every_keyword_of_the_subset_is_obeyed(data: st.DataObject) -> None:
    node: dict[str, Any] = {
        "type": "object",
        "required": ["a", "b", "c", "d", "e", "f", "g"],
        "properties": {
            "a": {"type": "number", "exclusiveMinimum": 1, "maximum": 2},
            "b": {"type": ["integer", "null"], "minimum": -3, "maximum": 3},
            "c": {"const": "x"},
            "d": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
            "e": {"anyOf": [{"type": "string", "minLength": 2}, {"$ref": "#/components/schemas/Word"}]},
            "f": {},
            "g": {"type": "string", "contentEncoding": "base64"},
        },
    }
    document = Document({"components": {"schemas": {"Word": {"enum": ["y", "z"]}}}})
    schema = document.schema(node)
    assert schema.is_valid(data.draw(from_schema(document, node)))


FAILING = """
from hypothesis import HealthCheck, Phase, given, settings
from fauxscale_contracts import fuzz_responses, responses

@settings(deadline=None, phases=[Phase.generate], max_examples=20, suppress_health_check=list(HealthCheck))
@given(responses("ideogram.upscale"))
def test_strategy(reply):
    if reply["data"]:
        raise LookupError
    raise ValueError

@fuzz_responses("ideogram.upscale")
def test_decorator(body):
    assert all(one["seed"] in (0, 12345, 2147483647) for one in body["data"])
"""
NOTE = re.compile(r"reply: (\{.*)\n[E |]*served again at `fauxscale serve` by: (curl .*)")


@pytest.mark.e2e
@pytest.mark.parametrize("plugin", [(), ("-p", "no:schemathesis")], ids=["schemathesis", "alone"])
def test_a_failing_reply_is_noted_with_its_json_and_a_command(
    tmp_path: Path, plugin: tuple[str, ...]
) -> None:
    (tmp_path / "test_client.py").write_text(FAILING, encoding="utf-8")
    # Without the summary: where `CI` is set, pytest repeats the notes there.
    command = [sys.executable, "-m", "pytest", "-q", "-rN", "-p", "no:cacheprovider", *plugin, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    _, of_strategy, of_decorator = re.split("^_+ test_(?:strategy|decorator) _+$", done.stdout, flags=re.M)
    for output in (of_strategy, of_decorator):
        noted = NOTE.findall(output)
        assert noted, done.stdout + done.stderr
        for reply, curl in noted:
            words = shlex.split(curl)
            assert json.loads(words[words.index("-d") + 1])["json"] == json.loads(reply)
