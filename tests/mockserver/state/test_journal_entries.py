"""What an entry of the journal knows of its call, told to an observer as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import httpx
import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.state.journal import Entry
from tests.pictures import picture

Told: TypeAlias = tuple[MockServer, list[tuple[str, str, Entry]]]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """A server and what the observer of its journals is told."""
    entries: list[tuple[str, str, Entry]] = []
    settings = Settings(key_policy="issued")
    with MockServer(settings, journal=lambda *one: entries.append(one)) as mock:
        yield mock, entries


def sent(
    mock: MockServer, account: AccountHandle, image: bytes | None = None, key: str = ""
) -> httpx.Response:
    form: dict[str, Any] = {
        "image_file": picture() if image is None else image,
        "image_request": (None, "{}"),
    }
    headers = {"Api-Key": key or account.api_key("ideogram")}
    return httpx.post(f"{mock.base_url('ideogram')}/upscale", headers=headers, files=form)


def test_an_observer_of_journals_is_told_of_calls_downloads_and_calls_of_no_account(told: Told) -> None:
    mock, entries = told
    entries.clear()
    with mock.account(label="my test") as account:
        httpx.get(sent(mock, account).json()["data"][0]["url"])
        sent(mock, account, key="unknown")
    found = [(name == account.id, label == "my test", entry.operation) for name, label, entry in entries]
    assert found == [
        (True, True, "ideogram.upscale"),
        (True, True, "ideogram.download"),
        (False, False, "ideogram.upscale"),
    ]


def test_an_entry_says_how_far_its_clock_is_ahead_and_which_contract_was_followed(told: Told) -> None:
    mock, entries = told
    entries.clear()
    with mock.account(options={"ideogram.api_version": "2026-10"}) as account:
        account.clock.advance(hours=3)
        sent(mock, account)
    assert abs(entries[0][2].ahead - 3 * 3600) < 60
    assert entries[0][2].api_version == "2026-10"


def test_an_entry_describes_a_file_that_was_refused(told: Told) -> None:
    mock, entries = told
    entries.clear()
    with mock.account() as account:
        sent(mock, account, b"GIF89a and no more")
        sent(mock, account)
    assert entries[0][2].refused_file == {"rule": "unsupported_format", "format": "GIF", "bytes": 18}
    assert entries[1][2].refused_file is None
    assert entries[1][2].image is not None
    assert entries[1][2].image["animated"] is False


@pytest.mark.parametrize("life", [0, 60])
def test_a_read_of_a_dead_link_says_how_long_it_was_to_live(told: Told, life: float) -> None:
    mock, entries = told
    entries.clear()
    with mock.account(link_ttl=life) as account:
        link = sent(mock, account).json()["data"][0]["url"]
        account.clock.advance(hours=1)
        assert httpx.get(link).status_code == 403
    (given,) = entries[0][2].results
    assert entries[1][2].results == [{"link": given["link"], "life": life}]


def test_an_entry_names_the_members_of_a_json_body(told: Told) -> None:
    mock, entries = told
    entries.clear()
    with mock.account() as account:
        url = account.env("fal")["FAL_RUN_URL"] + "/fal-ai/ideogram/upscale"
        headers = {"Authorization": f"Key {account.api_key('fal')}"}
        httpx.post(url, json={"image_url": "data:,", "detail": 3}, headers=headers)
    assert sorted(entries[0][2].sent) == ["/detail", "/image_url"]
