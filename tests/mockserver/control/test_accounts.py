"""An account's terms over the control API: changed by name, taken back by null, judged before they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle, InvalidRequest
from fauxscale.settings import Terms
from tests.pictures import picture

SERVER = {"fal.polls": 3}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(terms=Terms(options=SERVER)), listen=False) as mock:
        yield mock


@pytest.fixture
def account(mock: MockServer) -> Iterator[AccountHandle]:
    with mock.account(options={"fal.polls": 7, "lumenfall.strict": True}) as account:
        yield account


def patched(account: AccountHandle, words: Mapping[str, object]) -> dict[str, Any]:
    """The terms in force once these words, as JSON, changed them."""
    return account.settings(**words)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # any JSON


def test_null_takes_back_every_option_of_the_account_and_leaves_the_servers(account: AccountHandle) -> None:
    assert patched(account, {"options": None})["options"] == SERVER


def test_null_takes_back_the_one_option_it_is_given_for(account: AccountHandle) -> None:
    after = patched(account, {"options": {"fal.polls": None, "ideogram.max_pixels": 9}})["options"]
    assert after == {**SERVER, "lumenfall.strict": True, "ideogram.max_pixels": 9}


def test_an_option_taken_back_that_nobody_gave_changes_nothing(account: AccountHandle) -> None:
    before = account.settings()
    assert patched(account, {"options": {"fal.early_result": None}}) == before


def test_a_change_of_other_terms_keeps_the_options(account: AccountHandle) -> None:
    assert patched(account, {"latency": 0.5, "time": "virtual"})["options"] == {
        "fal.polls": 7,
        "lumenfall.strict": True,
    }


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("lumenfall.strict", "false", False),
        ("aigateway.signed_links", "off", False),
        ("lumenfall.signed_links", 1, True),
        ("fal.early_result", "202", 202),
        ("fal.queue_seconds", "1.5", 1.5),
    ],
)
def test_options_are_kept_in_the_type_they_are_declared_with(
    account: AccountHandle, name: str, said: object, meant: object
) -> None:
    kept = patched(account, {"options": {name: said}})["options"][name]
    assert (kept, type(kept)) == (meant, type(meant))


def test_an_option_switched_off_in_words_is_off(mock: MockServer, account: AccountHandle) -> None:
    patched(account, {"options": {"lumenfall.strict": "false"}})
    with httpx.Client(transport=mock.transport()) as http:
        reply = http.post(
            f"{account.base_url('lumenfall')}/images/edits",
            headers={"Authorization": f"Bearer {account.api_key('lumenfall')}"},
            data={"model": "ideogram-upscale"},
            files={"image": ("a.png", picture(), "image/png")},
        )
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fal.pols": 1}, "unknown option 'fal.pols', did you mean 'fal.polls'\\? choose from"),
        ({"fal.pols": None}, "unknown option 'fal.pols', did you mean 'fal.polls'\\? choose from"),
        ({"lumenfall.strict": "perhaps"}, "lumenfall.strict must be true or false"),
        ({"fal.polls": "many"}, "fal.polls must be a number"),
        ({"fal.polls": True}, "fal.polls must be a number"),
        ({"ideogram.api_version": "1999"}, "must be one of 2026-04, 2026-10"),
        ([], "options must be an object"),
    ],
)
def test_a_wrong_option_is_refused_and_nothing_is_changed(
    account: AccountHandle, options: object, said: str
) -> None:
    before = account.settings()
    with pytest.raises(InvalidRequest, match=said):
        patched(account, {"latency": 1, "options": options})
    assert account.settings() == before


def test_an_account_is_opened_with_options_in_the_type_they_are_declared_with(mock: MockServer) -> None:
    with mock.account(options={"lumenfall.strict": "on", "fal.polls": "5"}) as account:
        assert account.settings()["options"] == {"lumenfall.strict": True, "fal.polls": 5}
