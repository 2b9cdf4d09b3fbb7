"""The skeleton of a contract is a contract: it loads, is valid, marks its pictures, and promises nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openapi_spec_validator import validate

from fauxscale_contracts import load_file
from fauxscale_contracts.cli import main

OPERATIONS = ("POST:/v2/upscale/fast", "GET:/v2/results/{id}", "get:/v2/results", "DELETE:/{id}")


def new(folder: Path, *words: str, operations: tuple[str, ...] = OPERATIONS) -> Result:
    asked = [word for one in operations for word in ("--operation", one)]
    command = ["new", "acme", *asked, "--api-version", "2026-10", "--to", str(folder), *words]
    return CliRunner().invoke(main, command)


@pytest.mark.parametrize("carrier", ["link", "base64", "body"])
def test_what_it_writes_is_a_valid_contract_that_guesses(tmp_path: Path, carrier: str) -> None:
    done = new(tmp_path / "acme", "--result", carrier, "--server", "https://api.acme.example/")
    assert done.exit_code == 0, done.output
    path = tmp_path / "acme" / "2026-10.openapi.json"
    contract = load_file(path)
    validate(contract.document)
    names = ["acme.fast", "acme.results", "acme.results_get", "acme.root"]
    assert list(contract.operations) == names
    assert done.stdout.strip() == f"{path}: {', '.join(names)}"
    assert (contract.provider, contract.api_version) == ("acme", "2026-10")
    assert set(contract.confidences()) == {"guess"}
    assert contract.operation("acme.fast").servers == ["https://api.acme.example"]


def test_a_picture_is_marked_in_the_request_and_in_a_reply_that_is_one(tmp_path: Path) -> None:
    new(tmp_path, "--result", "body")
    operation = load_file(tmp_path / "2026-10.openapi.json").operation("acme.fast")
    form = operation.bodies["multipart/form-data"].schema
    assert form is not None
    assert "PNG" in form.node["properties"]["image"]["x-picture"]["formats"]
    assert operation.answers["200"].contents["image/png"].picture == {"formats": ["PNG"]}


def test_every_part_says_where_it_is_to_be_read_and_keeps_its_own_example(tmp_path: Path) -> None:
    new(tmp_path)
    contract = load_file(tmp_path / "2026-10.openapi.json")
    for operation in contract.operations.values():
        assert {"source", "date"} == set(operation.spec["x-recorded"])
        for answer in operation.answers.values():
            for content in answer.contents.values():
                assert content.schema is not None
                assert content.schema.violations(content.node["example"], ()) == []


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "2026-10.openapi.json"
    path.write_text("mine", encoding="utf-8")
    done = new(tmp_path)
    assert (done.exit_code, path.read_text(encoding="utf-8")) == (2, "mine")
    assert "already exists and was not changed" in done.stderr


@pytest.mark.parametrize(
    ("words", "operations", "says"),
    [
        ((), ("POST /upscale",), "'POST /upscale' must have the form METHOD:PATH, such as POST:/v1/upscale"),
        ((), ("FETCH:/upscale",), "must have the form METHOD:PATH"),
        ((), ("POST:upscale",), "must have the form METHOD:PATH"),
        ((), ("POST:/upscale", "post:/upscale"), "POST /upscale was named twice"),
        ((), (), "Missing option '--operation'"),
        (("--api-version", "soon"), OPERATIONS, "'soon' must have the form 2026-04"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], operations: tuple[str, ...], says: str
) -> None:
    done = new(tmp_path / "acme", *words, operations=operations)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (tmp_path / "acme").exists()


def test_a_name_is_one_that_operations_can_begin_with() -> None:
    words = ["new", "Acme Inc", "--operation", "POST:/x", "--api-version", "2026-10"]
    done = CliRunner().invoke(main, words)
    assert "'Acme Inc' must consist of lower-case letters" in done.stderr


def test_json_is_written_as_the_recorded_contracts_are(tmp_path: Path) -> None:
    new(tmp_path)
    text = (tmp_path / "2026-10.openapi.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
