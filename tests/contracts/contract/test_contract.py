"""Contracts are found by name and date, are whole, and say clearly when they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from fauxscale.providers import PROVIDERS
from fauxscale_contracts import Contract, ContractError, api_versions, load, load_file
from fauxscale_contracts.profiles.installed import BUILT_IN
from fauxscale_contracts.profiles.loading import load_operation

ALL = [(provider, api_version) for provider, dates in api_versions().items() for api_version in dates]


def a_document(**operation: Any) -> dict[str, Any]:
    post = {"operationId": "own.do", "responses": {"200": {"description": "Done."}}} | operation
    return {"openapi": "3.1.0", "info": {"title": "Own", "version": "1"}, "paths": {"/do": {"post": post}}}


def saved(folder: Path, document: object) -> Path:
    path = folder / "2026-01.openapi.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def provenance(node: object) -> list[dict[str, str]]:
    """Every x-recorded in a document; with `x-confidence` beside it, but for that of the whole."""
    if isinstance(node, list):
        return [found for one in node for found in provenance(one)]
    if not isinstance(node, dict):
        return []
    own = [node["x-recorded"]] if "x-recorded" in node else []
    assert not own or "x-confidence" in node or "title" in node, own
    return own + [found for name, one in node.items() if name != "x-recorded" for found in provenance(one)]


def test_the_four_services_are_on_record_and_ideogram_twice() -> None:
    assert api_versions() == {
        "aigateway": ["2026-06"],
        "fal": ["2026-08"],
        "ideogram": ["2026-04", "2026-10"],
        "lumenfall": ["2026-06"],
    }


@pytest.mark.parametrize(("provider", "api_version"), ALL)
class TestEveryRecordedContract:
    def test_is_valid_openapi(self, provider: str, api_version: str) -> None:
        validate(load(provider, api_version=api_version).document)

    def test_compiles_whole(self, provider: str, api_version: str) -> None:
        load(provider, api_version=api_version).compile()

    def test_keeps_its_own_examples(self, provider: str, api_version: str) -> None:
        judged = 0
        for operation in load(provider, api_version=api_version).operations.values():
            for answer in operation.answers.values():
                for content in answer.contents.values():
                    if "example" in content.node and content.schema is not None:
                        assert content.schema.violations(content.node["example"], ()) == []
                        judged += 1
        assert judged > 10

    def test_says_where_and_when_it_was_learnt(self, provider: str, api_version: str) -> None:
        found = provenance(load(provider, api_version=api_version).document)
        assert len(found) > 10
        for one in found:
            assert {"source", "date"} <= set(one) <= {"source", "date", "note"}
            assert one["date"][:4] == "2026"

    def test_every_answer_but_plain_success_says_how_surely_it_is_known(
        self, provider: str, api_version: str
    ) -> None:
        contract = load(provider, api_version=api_version)
        for operation in contract.operations.values():
            for status, node in operation.spec["responses"].items():
                if not status.startswith("2") and (operation.name, status) != ("ideogram.upscale", "422"):
                    assert "x-recorded" in operation.resolve(node), (operation.name, status)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.name)
def test_what_the_stand_in_answers_is_on_record_and_nothing_else(provider: Any) -> None:
    served = {endpoint.operation for site in provider.sites for endpoint in site.endpoints}
    recorded = set(load(provider.name).operations)
    assert recorded == served


def test_the_default_is_the_api_version_that_the_stand_in_imitates() -> None:
    assert load("ideogram").api_version == "2026-04"
    for provider, dates in api_versions().items():
        assert load(provider).api_version in dates


def test_the_two_api_versions_of_ideogram_differ_in_size_and_request_id() -> None:
    limits = {}
    for api_version in ("2026-04", "2026-10"):
        operation = load_operation("ideogram.upscale", api_version=api_version)
        form = operation.bodies["multipart/form-data"].schema
        assert form is not None
        limits[api_version] = form.node["properties"]["image_file"]["x-picture"]["maxBytes"]
        reply = operation.answers["200"].contents["application/json"].schema
        assert reply is not None
        assert ("request_id" in reply.node["properties"]) == (api_version == "2026-10")
        assert "request_id" not in operation.example(200), "only for a call that names a webhook"
    assert limits == {"2026-04": 10 * 1024**2, "2026-10": 25 * 1024**2}


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (
            lambda: load("midjourney"),
            "no contract of 'midjourney' is on record: choose from aigateway, fal, ideogram",
        ),
        (
            lambda: load("ideogram", api_version="1999-01"),
            "no ideogram contract of '1999-01': choose from 2026-04, 2026-10",
        ),
        (
            lambda: load("ideogram").operation("ideogram.paint"),
            "choose from ideogram.upscale, ideogram.download",
        ),
        (lambda: load_operation("upscale"), "no contract of 'upscale'"),
        (lambda: load_operation("ideogram.upscale").example(299), "no recorded JSON example for 299"),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(ask: Any, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        ask()


def test_a_contract_of_ones_own_is_read_and_used(tmp_path: Path) -> None:
    contract = load_file(saved(tmp_path, a_document()))
    assert contract.api_version == "2026-01"
    assert list(contract.operations) == ["own.do"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "is not JSON"),
        ([], "is not a JSON object"),
        ({}, "it is not an OpenAPI 3.1 document"),
        ({"openapi": "3.0.3", "paths": {}}, "it is not an OpenAPI 3.1 document"),
        ({"openapi": "3.1.0"}, "it has no paths"),
        ({"openapi": "3.1.0", "paths": {}}, "it has no operations"),
        ({"openapi": "3.1.0", "paths": {"/x": {"get": {"responses": {}}}}}, "GET /x lacks 'operationId'"),
        (
            {"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "own.x"}}}},
            "GET /x lacks 'responses'",
        ),
        ({"openapi": "3.1.0", "paths": {"/x": {"get": 7}}}, "GET /x is malformed"),
        (a_document(responses={"200": {"$ref": "#/components/responses/None"}}), "leads nowhere"),
        (a_document(responses={"200": []}), "POST /do is malformed"),
        (
            a_document(parameters=[{"name": "a", "in": "query", "schema": {"type": "intger"}}]),
            "own.do: a schema",
        ),
        (
            a_document(parameters=[{"name": "a", "in": "query", "schema": {"pattern": "("}}]),
            "own.do: a schema",
        ),
    ],
)
def test_a_faulty_contract_file_is_refused_with_the_place(
    document: object, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ContractError, match=complaint):
        load_file(saved(tmp_path, document))


def test_two_operations_of_one_name_are_refused() -> None:
    document = a_document()
    document["paths"]["/again"] = document["paths"]["/do"]
    with pytest.raises(ContractError, match=r"POST /again: the operationId 'own\.do' is taken"):
        Contract("own", "1", document)


def test_references_that_go_round_are_refused() -> None:
    document = a_document(responses={"200": {"$ref": "#/components/responses/A"}})
    document["components"] = {"responses": {"A": {"$ref": "#/components/responses/A"}}}
    with pytest.raises(ContractError, match="leads nowhere"):
        Contract("own", "1", document)


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read: No such file"):
        load_file(tmp_path / "none.json")


def test_loading_a_contract_loads_neither_hypothesis_nor_the_server() -> None:
    script = (
        "import sys, fauxscale_contracts as contracts; contracts.load('ideogram');"
        "print(sorted({'hypothesis', 'PIL', 'httpx', 'fauxscale.app', 'jsonschema_rs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_offers_its_names_and_no_others() -> None:
    import fauxscale_contracts

    assert {"load", "images", "fuzz_responses", "curl", "Exchange"} <= set(dir(fauxscale_contracts))
    assert callable(fauxscale_contracts.curl)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        getattr(fauxscale_contracts, "nonsense")  # noqa: B009  # a name no checker may know


def test_no_file_lies_about_beside_the_contracts() -> None:
    (home,) = {one.recorded.parent for one in BUILT_IN}
    strays = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith(".openapi.json")]
    assert strays == []
