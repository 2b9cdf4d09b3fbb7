"""Every statement of a contract says how sure it is: itself, or by what encloses it, or else it is a guess."""

from __future__ import annotations

from typing import Any

import pytest

from fauxscale_contracts import Contract, ContractError


def a_contract(**more: Any) -> Contract:
    """One operation with a parameter, a body and two answers; `more` are members of its parts."""
    post: dict[str, Any] = {
        "operationId": "own.do",
        "parameters": [{"name": "a", "in": "query", "schema": {}} | more.get("parameter", {})],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "properties": {
                            "seed": {"type": "integer"} | more.get("member", {}),
                            "deep": {"properties": {"one": {}}},
                        }
                    }
                }
            }
        },
        "responses": {
            "200": {"description": "Done.", "headers": {"h": {"schema": {}}}} | more.get("answer", {}),
            "400": {"$ref": "#/components/responses/Bad"},
        },
    } | more.get("operation", {})
    components = {"responses": {"Bad": {"description": "Bad."} | more.get("shared", {})}}
    document = {"openapi": "3.1.0", "paths": {"/do": {"post": post}}, "components": components}
    return Contract("own", "1", document | more.get("document", {}))


def said(word: str) -> dict[str, str]:
    return {"x-confidence": word}


def test_what_is_nowhere_stated_is_a_guess() -> None:
    operation = a_contract().operation("own.do")
    assert operation.confidence == "guess"
    assert {one.confidence for one in operation.statements()} == {"guess"}


def test_a_word_counts_for_all_that_it_encloses() -> None:
    operation = a_contract(document=said("observed")).operation("own.do")
    assert {one.confidence for one in operation.statements()} == {"observed"}
    assert operation.parameters[0].confidence == "observed"
    assert operation.answers["200"].headers["h"].confidence == "observed"
    assert operation.bodies["application/json"].confidence == "observed"


def test_the_nearest_word_wins() -> None:
    contract = a_contract(
        document=said("guess"),
        operation=said("documented"),
        parameter=said("observed"),
        member=said("guess"),
        answer=said("observed"),
    )
    operation = contract.operation("own.do")
    assert operation.confidence == "documented"
    assert operation.parameters[0].confidence == "observed"
    assert operation.answers["200"].confidence == "observed"
    assert operation.answers["200"].headers["h"].confidence == "observed"
    # the operation, two members, the inner one, and the answer it shares
    assert contract.confidences() == {"documented": 4, "observed": 3, "guess": 1}


def test_what_is_shared_speaks_for_itself_or_is_as_sure_as_what_refers_to_it() -> None:
    spoken = a_contract(operation=said("documented"), shared=said("guess")).operation("own.do")
    silent = a_contract(operation=said("documented")).operation("own.do")
    assert spoken.answers["400"].confidence == "guess"
    assert silent.answers["400"].confidence == "documented"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"document": said("sure")}, "/x-confidence is 'sure': choose from documented, observed, guess"),
        ({"parameter": said("inferred")}, "/paths/~1do/post/parameters/0/x-confidence is 'inferred'"),
        ({"member": {"x-confidence": None}}, "/properties/seed/x-confidence is None"),
        (
            {"answer": {"x-recorded": {"source": "a page", "confidence": "guess"}}},
            "/responses/200/x-recorded: say x-confidence beside it, not confidence inside",
        ),
    ],
)
def test_an_unknown_word_is_refused_with_its_place(more: Any, place: str) -> None:
    with pytest.raises(ContractError, match="the own contract of 1 is faulty") as refused:
        a_contract(**more)
    assert place in str(refused.value)


def test_a_member_may_be_called_as_the_word_is_and_examples_hold_what_they_like() -> None:
    node = {"properties": {"x-confidence": {"type": "number"}}, "example": {"x-confidence": 0.5}}
    a_contract(answer={"content": {"application/json": {"schema": node, "example": {"x-confidence": 1}}}})


def test_a_schema_that_holds_itself_is_counted_once() -> None:
    tree = {"properties": {"next": {"$ref": "#/components/schemas/Tree"}}}
    document = {"components": {"schemas": {"Tree": tree}, "responses": {"Bad": {"description": "Bad."}}}}
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}
    assert sum(a_contract(document=document, answer=answer).confidences().values()) == 9
