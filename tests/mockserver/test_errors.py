"""A refusal says what it has to say, in the provider's words where it has none of its own."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import fauxscale
import fauxscale_contracts
from fauxscale import FauxscaleError
from fauxscale.errors import ApiError, Problem, phrase, text_of
from fauxscale.faults import Fail

TEXTS = {402: "no money", 404: "no such thing"}


def test_a_problem_that_has_nothing_to_add_is_said_as_the_provider_says_it_configured_or_not() -> None:
    natural = ApiError(Problem.NO_FUNDS, "Insufficient credits")
    assert text_of(natural, 402, TEXTS) == text_of(Fail(402).error, 402, TEXTS) == "no money"


def test_a_problem_that_names_something_keeps_its_message_and_so_does_one_configured_with_words() -> None:
    assert (
        text_of(ApiError(Problem.NOT_FOUND, "Request 'x' not found"), 404, TEXTS) == "Request 'x' not found"
    )
    assert text_of(Fail(402, message="try Tuesday").error, 402, TEXTS) == "try Tuesday"


def test_a_providers_own_text_for_a_problem_is_said_but_for_what_was_configured() -> None:
    own = {Problem.NOT_FOUND: "no such page"}
    assert text_of(ApiError(Problem.NOT_FOUND, "Request 'x' not found"), 404, TEXTS, own) == "no such page"
    assert text_of(ApiError(Problem.UNSAFE, "flagged"), 422, TEXTS, own) == "flagged"
    assert text_of(Fail(404, message="try Tuesday").error, 404, TEXTS, own) == "try Tuesday"


def test_a_status_no_table_has_is_called_what_http_calls_it_or_refused_or_failed() -> None:
    for status in range(400, 600):
        said = text_of(Fail(status).error, status, {})
        assert said == phrase(status)
        assert ("server" in said.lower()) <= (status >= 500), status
    assert phrase(410) == "Gone"


@pytest.mark.parametrize("package", [fauxscale, fauxscale_contracts], ids=lambda one: one.__name__)
def test_every_public_error_is_of_one_family(package: ModuleType) -> None:
    named = [getattr(package, name) for name in dir(package)]
    errors = [one for one in named if isinstance(one, type) and issubclass(one, Exception)]
    assert errors
    assert [one for one in errors if not issubclass(one, FauxscaleError)] == []


def test_every_error_of_the_client_is_of_the_family() -> None:
    client = importlib.import_module("fauxscale.client")
    named = [one for name, one in vars(client).items() if not name.startswith("_")]
    errors = [one for one in named if isinstance(one, type) and issubclass(one, Exception)]
    assert len(errors) > 3
    assert [one for one in errors if not issubclass(one, FauxscaleError)] == []
