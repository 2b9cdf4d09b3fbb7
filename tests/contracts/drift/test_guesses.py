"""A departure from a guess is news: it breaks no promise, and becomes an observation with a source."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fauxscale import MockServer, Settings
from fauxscale_contracts import load
from fauxscale_contracts.cli import main
from fauxscale_contracts.contract.certainty import certainty
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange, Reply, Request
from fauxscale_contracts.contract.promotions import check_promotions
from fauxscale_contracts.drift.compare import compare, gravest
from fauxscale_contracts.drift.observed import Origin, diff, rewrite

ORIGIN = Origin("answers of https://upscale.example", "2026-11-22")
JSON = (("content-type", "application/json"),)


def statement(confidence: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    schema = schema or {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {
        "description": "x",
        "x-confidence": confidence,
        "x-recorded": {"source": "its pages", "date": "2026-04"},
        "content": {"application/json": {"schema": schema}},
    }


def contract(**answers: dict[str, Any]) -> Contract:
    """A contract with one operation and these answers: `s403=…`."""
    responses = {name[1:]: answer for name, answer in answers.items()}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "servers": [{"url": "https://upscale.example"}],
        "paths": {"/upscale": {"post": {"operationId": "x.upscale", "responses": responses}}},
    }
    return Contract("x", "1", document)


def answered(status: int, body: object) -> Exchange:
    reply = Reply(status, JSON, json.dumps(body).encode())
    return Exchange(Request("POST", "https://upscale.example/upscale"), reply, "x.upscale")


@pytest.mark.parametrize(
    ("confidence", "kind"), [("documented", "breaking"), ("observed", "risky"), ("guess", "news")]
)
def test_a_departure_is_as_grave_as_what_it_departs_from_is_sure(confidence: str, kind: str) -> None:
    known = contract(s403=statement(confidence))
    live, stood_in = answered(403, {"error": 1}), answered(403, {"error": "no"})
    assert [one.kind for one in compare(known, {"a": live}, {"a": stood_in})] == [kind]


@pytest.mark.parametrize(
    ("confidence", "kind"), [("documented", "breaking"), ("observed", "risky"), ("guess", "news")]
)
def test_another_status_is_as_grave_as_the_expected_one_was_sure(confidence: str, kind: str) -> None:
    known = contract(s403=statement(confidence), s200=statement("documented"))
    live, stood_in = answered(200, {"error": "a"}), answered(403, {"error": "no"})
    found = compare(known, {"a": live}, {"a": stood_in})
    assert [one.kind for one in found if one.pointer == "/status"] == [kind]
    assert gravest(found) == kind


def test_a_member_is_as_sure_as_it_says_and_no_surer_than_its_answer() -> None:
    member = {"type": "object", "properties": {"a": {"type": "array", "items": {"x-confidence": "guess"}}}}
    known = contract(s200=statement("documented", member), s402=statement("guess"))
    operation = known.operation("x.upscale")
    places = ("/body", "/body/a", "/body/a/*", "/body/a/0", "/body/b", "/headers/retry-after", "/status")
    assert [certainty(operation, 200, one) for one in places] == [
        "documented", "documented", "guess", "guess", "documented", "documented", "documented",
    ]  # fmt: skip
    assert certainty(operation, 402, "/body/error") == "guess"
    assert certainty(operation, 418, "/status") == "observed"


def test_an_answer_that_was_guessed_becomes_the_one_observed() -> None:
    known = contract(s403=statement("guess"), s200=statement("documented"))
    live = {
        "a": answered(403, {"detail": [{"msg": "key sk-mine-1234 is wrong"}]}),
        "b": answered(200, {"error": 1}),
    }
    after = rewrite(known, live, ORIGIN, ["sk-mine-1234"])
    seen = after["paths"]["/upscale"]["post"]["responses"]
    assert seen["200"] == known.document["paths"]["/upscale"]["post"]["responses"]["200"]
    assert (seen["403"]["x-confidence"], seen["403"]["x-recorded"]["date"]) == ("observed", "2026-11-22")
    media = seen["403"]["content"]["application/json"]
    assert media["schema"]["properties"]["detail"]["items"]["required"] == ["msg"]
    assert "sk-mine-1234" not in json.dumps(after)
    now = Contract("x", "1", after)
    assert now.check_response(live["a"]) == []
    assert check_promotions(known.document, after) == []


def test_a_status_that_was_not_on_record_is_added() -> None:
    after = rewrite(contract(s200=statement("documented")), {"a": answered(418, {"tea": True})}, ORIGIN, [])
    assert after["paths"]["/upscale"]["post"]["responses"]["418"]["x-confidence"] == "observed"
    assert Contract("x", "1", after).check_response(answered(418, {"tea": False})) == []


def test_a_guessed_member_is_confirmed_or_mended_and_its_neighbours_stay() -> None:
    members = {
        name: {"type": "string", "x-confidence": "guess"} for name in ("fits", "is_another", "is_not_there")
    }
    schema = {"type": "object", "properties": {**members, "known": {"type": "string"}}}
    known = contract(s200=statement("documented", schema))
    after = rewrite(known, {"a": answered(200, {"fits": "a", "is_another": 1, "known": 2})}, ORIGIN, [])
    now = after["paths"]["/upscale"]["post"]["responses"]["200"]["content"]["application/json"]["schema"][
        "properties"
    ]
    assert {name: (one["type"], one.get("x-confidence")) for name, one in now.items()} == {
        "fits": ("string", "observed"),
        "is_another": ("integer", "observed"),
        "is_not_there": ("string", "guess"),
        "known": ("string", None),
    }


def test_the_diff_applies_with_git(tmp_path: Path) -> None:
    known = contract(s403=statement("guess"))
    after = rewrite(known, {"a": answered(403, {"detail": "no"})}, ORIGIN, [])
    file = tmp_path / "x" / "1.openapi.json"
    file.parent.mkdir()
    file.write_text(json.dumps(known.document, indent=2, ensure_ascii=False) + "\n")
    patch = diff(known.document, after, "x/1.openapi.json")
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=tmp_path, check=True)
    assert json.loads(file.read_text()) == after


def test_nothing_becomes_surer_without_a_source_and_nothing_less_sure() -> None:
    before = contract(s403=statement("guess"), s200=statement("observed")).document
    place = "/paths/~1upscale/post/responses"

    def changed(status: str, **words: object) -> list[str]:
        after = deepcopy(before)
        after["paths"]["/upscale"]["post"]["responses"][status].update(words)
        return check_promotions(before, after)

    assert changed("403", **{"x-confidence": "observed", "x-recorded": ORIGIN.note()}) == []
    assert changed("403", **{"x-confidence": "observed"}) == [
        f"{place}/403: guess became observed without a source and a date of its own in x-recorded"
    ]
    assert changed("403", **{"x-confidence": "documented", "x-recorded": {"source": "a page"}}) != []
    assert changed("200", **{"x-confidence": "guess"}) == [f"{place}/200: observed became guess"]
    assert changed("200", description="more") == []


def test_the_contracts_we_ship_word_guesses_at_ideogram_s_refusals_as_guesses() -> None:
    operation = load("ideogram").operation("ideogram.upscale")
    assert certainty(operation, 403, "/status") == "documented"
    assert certainty(operation, 403, "/body/error") == "guess"


def test_review_ends_with_a_line_for_each_place_that_became_surer_without_a_source(tmp_path: Path) -> None:
    known = contract(s403=statement("guess"))
    old, new = tmp_path / "1.openapi.json", tmp_path / "2.openapi.json"
    old.write_text(json.dumps(known.document))
    settled = rewrite(known, {"a": answered(403, {"detail": "no"})}, ORIGIN, [])
    new.write_text(json.dumps(settled))
    assert CliRunner().invoke(main, ["review", str(old), str(new)]).exit_code == 0
    del settled["paths"]["/upscale"]["post"]["responses"]["403"]["x-recorded"]
    new.write_text(json.dumps(settled))
    done = CliRunner().invoke(main, ["review", str(old), str(new)])
    assert (done.exit_code, done.stdout.count("guess became observed")) == (1, 1)
    new.write_text("[]")
    assert CliRunner().invoke(main, ["review", str(old), str(new)]).exit_code == 2


def test_the_command_shows_and_writes_what_became_known(tmp_path: Path) -> None:
    with MockServer(Settings(key_policy="issued")) as mock:
        patch = tmp_path / "seen.diff"
        command = [
            "drift",
            "ideogram",
            "--base-url",
            mock.base_url("ideogram"),
            "--yes",
            "--write",
            str(patch),
        ]
        done = CliRunner().invoke(
            main, command, env={"FAUXSCALE_DRIFT_KEY": mock.account().api_key("ideogram")}
        )
    assert done.exit_code == 0, done.output
    shown = patch.read_text()
    assert shown.startswith("--- a/ideogram/2026-04.openapi.json\n")
    assert any(line.startswith("+") and '"observed"' in line for line in shown.splitlines())
    assert shown in done.stdout
