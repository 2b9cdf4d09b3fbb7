"""The page shows calls and pictures, and nothing a stranger sends can run on it."""

from __future__ import annotations

import asyncio
import itertools
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from fauxscale import MockServer, SameSize, Settings
from fauxscale.control import inspector, overview
from fauxscale.state.accounts import Accounts
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.store import MemoryStore
from tests.calls.ideogram import upscale
from tests.pictures import opened, picture
from tests.stages import Stage

DATA = "/__fauxscale/api/inspector"


def test_an_account_that_was_opened_first_and_called_last_is_on_top_and_its_money_in_the_sum() -> None:
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        first = mock.account()
        stage = Stage("in-process", mock, http)
        for account in (first, *(mock.account() for _ in range(60)), first):
            upscale(stage, key=account.api_key("ideogram"))
        news = http.get(mock.url + DATA + "/calls").json()
    assert (news["total"], news["spent"]) == (62, 62 * 60_000)
    assert (news["calls"][0]["account"], news["calls"][0]["n"]) == (first.id, 2)
    assert [call["n"] for call in news["calls"][1:]] == [1] * 61


def test_of_many_calls_the_newest_are_shown_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "MOST_CALLS", 3)
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        here, there = mock.account(), mock.account()
        for account in (here, there, there, here, there):
            http.post(f"{mock.url}/upscale", headers={"Api-Key": account.api_key("ideogram")})
        news = http.get(mock.url + DATA + "/calls").json()
    assert news["total"] == 5
    assert [(call["account"], call["n"]) for call in news["calls"]] == [
        (there.id, 3),
        (here.id, 2),
        (there.id, 2),
    ]


def listed(http: httpx.Client, mock: MockServer, **query: str) -> list[tuple[str, int]]:
    return [(one["account"], one["n"]) for one in poll(http, mock, **query)["calls"]]


def poll(http: httpx.Client, mock: MockServer, **query: str) -> dict[str, Any]:
    news: dict[str, Any] = http.get(mock.url + DATA + "/calls", params=query).json()
    return news


def test_older_calls_come_page_by_page_until_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "MOST_CALLS", 3)
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        accounts = [mock.account() for _ in range(5)]
        made: list[tuple[str, int]] = []
        # One with many calls, early and late, and four with one or two in between.
        for number in (0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 1, 0):
            account = accounts[number]
            http.post(f"{mock.url}/upscale", headers={"Api-Key": account.api_key("ideogram")})
            made.insert(0, (account.id, sum(one == account.id for one, _ in made) + 1))
        pages = [poll(http, mock)]
        while pages[-1]["oldest"] is not None:
            pages.append(poll(http, mock, before=str(pages[-1]["oldest"])))
        assert [(one["account"], one["n"]) for page in pages for one in page["calls"]] == made
        assert [len(page["calls"]) for page in pages] == [3, 3, 3, 3, 1]
        refused = http.get(mock.url + DATA + "/calls?before=never")
        assert (refused.status_code, "must be a number" in refused.json()["error"]) == (400, True)


def test_the_sums_follow_resets_and_closed_accounts() -> None:
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        kept, reset, closed = (mock.account(label=label) for label in ("kept", "reset", "closed"))
        stage = Stage("in-process", mock, http)
        for account in (kept, reset, closed):
            upscale(stage, key=account.api_key("ideogram"))
        assert (poll(http, mock)["total"], poll(http, mock)["spent"]) == (3, 180_000)
        reset.reset()
        closed.delete()
        news = poll(http, mock)
        assert (news["total"], news["spent"]) == (1, 60_000)
        assert [one["label"] for one in news["calls"]] == ["kept"]
        upscale(stage, key=reset.api_key("ideogram"))
        assert [one["label"] for one in poll(http, mock)["calls"]] == ["reset", "kept"]
        http.post(mock.url + "/__fauxscale/api/reset")
        assert (poll(http, mock)["total"], listed(http, mock)) == (0, [])


class CountingStore(MemoryStore):
    """Counts batches, and forgets which accounts changed when told to."""

    batches = 0

    async def run(self, batch: Batch) -> BatchOutcome:
        self.batches += 1
        return await super().run(batch)


def test_a_poll_reads_the_accounts_that_changed_and_those_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "MOST_CALLS", 3)
    counting = CountingStore()
    with MockServer(listen=False, store=counting) as mock, httpx.Client(transport=mock.transport()) as http:
        key = ""
        for _ in range(200):
            key = mock.account().api_key("ideogram")
            http.post(f"{mock.url}/upscale", headers={"Api-Key": key})
        read: list[int] = []
        for call in (True, True, False):
            if call:
                http.post(f"{mock.url}/upscale", headers={"Api-Key": key})
            before = counting.batches
            poll(http, mock)
            read.append(counting.batches - before)
    assert read[0] > 200, "the first reads all"
    assert read[1] < 20
    assert read[2] == 0, "nothing changed"


def test_where_more_changed_than_the_store_remembers_all_is_read_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fauxscale.state.store.MOST_CHANGES", 2)
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        accounts = [mock.account() for _ in range(4)]
        assert poll(http, mock)["total"] == 0
        for account in accounts:
            http.post(f"{mock.url}/upscale", headers={"Api-Key": account.api_key("ideogram")})
        accounts[0].delete()
        assert poll(http, mock)["total"] == 3
        assert [one for one, _ in listed(http, mock)] == [one.id for one in accounts[:0:-1]]


def test_others_go_on_while_many_accounts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(overview, "stopwatch", lambda: float(next(ticks)))  # every step took too long

    async def turns_meanwhile() -> int:
        turns = 0
        accounts = Accounts(Settings(), MemoryStore())
        for number in range(50):
            await accounts.of_key(f"key-{number}", "ideogram")
        reading = asyncio.ensure_future(overview.Overview(accounts).update())
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
        await accounts.close()
        return turns

    assert asyncio.run(turns_meanwhile()) > 50


def test_the_page_is_its_own_files_under_a_policy_that_lets_nothing_else_run(stage: Stage) -> None:
    page = stage.http.get(f"{stage.url}/__fauxscale/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    home = Path(inspector.__file__).parent
    shipped = {file.name for ending in ("html", "js", "css", "svg") for file in home.rglob(f"*.{ending}")}
    assert shipped == set(inspector._FILES)
    for name in shipped:
        reply = stage.http.get(f"{stage.url}/__fauxscale/inspector/{name}")
        assert reply.status_code == 200, name
        assert reply.headers["x-content-type-options"] == "nosniff"
    for name in ("__init__.py", "..%2f..%2fserver.py", "index.htm", "%00", "vendor%2fpreact.js", "README.md"):
        assert stage.http.get(f"{stage.url}/__fauxscale/inspector/{name}").status_code == 404
    assert stage.http.get(f"{stage.url}/__fauxscale", follow_redirects=True).status_code == 200


def test_the_page_s_modules_are_short_and_load_nothing_from_elsewhere() -> None:
    home = Path(inspector.__file__).parent
    for file in home.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert text.count("\n") < 300, file.name
        assert text.startswith("// "), f"{file.name} does not say what it is for"
        for asked in re.findall(r'from "([^"]+)"', text):
            assert asked.startswith("./"), f"{file.name} imports {asked}"
            assert asked[2:] in inspector._FILES, f"{file.name} imports {asked}, which is not served"
    for file in (home / "vendor").glob("*.js"):
        named = re.findall(r'from"([^"]+)"', file.read_text(encoding="utf-8"))
        assert all(one[2:] in inspector._FILES for one in named), f"{file.name} imports {named}"


def test_no_dialog_of_the_browser_stands_in_the_way() -> None:
    for file in Path(inspector.__file__).parent.glob("*.js"):
        assert not re.search(r"\b(prompt|alert|confirm)\(", file.read_text(encoding="utf-8")), file.name


def test_calls_come_newest_first_and_unchanged_ones_cost_a_304(stage: Stage) -> None:
    key = stage.account().api_key("ideogram")
    upscale(stage, key=key)
    upscale(stage, b"broken", key=key)
    reply = stage.http.get(stage.url + DATA + "/calls")
    newest, older = reply.json()["calls"][:2]
    assert (newest["status"], older["status"]) == (400, 200)
    assert older["cost"] == 60_000
    again = stage.http.get(stage.url + DATA + "/calls", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


def test_both_sides_of_a_call_can_be_seen(stage: Stage) -> None:
    account = stage.account()
    upscale(stage, key=account.api_key("ideogram"))
    before = stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/1/before")
    after = stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/1/after")
    assert opened(before.content).size == (40, 30)
    assert opened(after.content).size == (80, 60)
    assert before.headers["content-type"] == "image/png"
    assert stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/1/beside").status_code == 404
    assert stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/2/before").status_code == 404
    assert stage.http.get(f"{stage.url}{DATA}/calls/{account.id}/1").json()["operation"] == "ideogram.upscale"
    assert stage.http.get(f"{stage.url}{DATA}/calls/{account.id}/9").status_code == 404


def test_the_list_shows_large_pictures_small(stage: Stage) -> None:
    account = stage.account()
    upscale(stage, picture(width=1500, height=40), key=account.api_key("ideogram"))
    seen = stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/1/thumbnail")
    assert opened(seen.content).size == (96, 96)
    assert seen.headers["content-type"] == "image/webp"
    assert len(seen.content) < 10_000
    assert stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/2/thumbnail").status_code == 404


def test_the_page_shows_what_the_link_leads_to_when_a_fault_changed_the_picture(stage: Stage) -> None:
    account = stage.account()
    account.faults.add(SameSize())
    reply = upscale(stage, key=account.api_key("ideogram"))
    seen = stage.http.get(f"{stage.url}{DATA}/pictures/{account.id}/1/after")
    assert seen.content == stage.http.get(reply.json()["data"][0]["url"]).content
    assert opened(seen.content).size == (40, 30)
    (row,) = [
        one
        for one in stage.http.get(f"{stage.url}{DATA}/calls").json()["calls"]
        if one["account"] == account.id and one["kind"] == "api"
    ]
    assert (row["before"], row["after"]) == ([40, 30], [40, 30])
    assert account.calls[0].results[0]["width"] == 40


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_no_foreign_page_reads_the_journal(stage: Stage, headers: dict[str, str]) -> None:
    assert stage.http.get(stage.url + DATA + "/calls", headers=headers).status_code == 403


def test_with_a_token_the_page_opens_and_its_data_does_not() -> None:
    with MockServer(Settings(token="the-token")) as mock:
        assert httpx.get(f"{mock.url}/__fauxscale/").status_code == 200
        assert httpx.get(mock.url + DATA + "/calls").status_code == 401
        allowed = {"Authorization": "Bearer the-token"}
        assert httpx.get(mock.url + DATA + "/calls", headers=allowed).status_code == 200
