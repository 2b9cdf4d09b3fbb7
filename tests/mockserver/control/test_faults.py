"""Faults over the control API: an exported run is the same run when it is staged, and no order is misread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fauxscale import (
    CorruptChunk,
    Delay,
    Expire,
    Fail,
    HtmlWith200,
    LoseReply,
    Ok,
    Purge,
    Redirect,
    SameSize,
    Smaller,
    Truncate,
    UnsafeImage,
)
from fauxscale.client import AccountHandle, InvalidRequest
from fauxscale.faults import Fault
from tests.calls.ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage

Answer = tuple[int | None, str, bytes]


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


class Client:
    """Makes calls and notes what came of each: status, type and picture, or that nothing came."""

    def __init__(self, stage: Stage, account: AccountHandle) -> None:
        self._stage = stage
        self._key = account.api_key("ideogram")
        self.answers: list[Answer] = []
        self.links: list[str] = []

    def send(self, **words: object) -> None:
        reply = self._note(lambda: upscale(self._stage, None, words, key=self._key))
        if reply is not None and reply.status_code == 200:
            self.links += [one["url"] for one in reply.json()["data"] if one["url"]]

    def read(self, number: int = -1, method: str = "GET") -> None:
        """Read the last link that was given out, or another; nothing while there is none."""
        if self.links:
            self._note(lambda: self._stage.http.request(method, self.links[number]))

    def _note(self, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            reply = ask()
        except httpx.TransportError as error:
            self.answers.append((None, type(error).__name__, b""))
            return None
        kind = reply.headers.get("content-type", "")
        # Links and seeds are each account's own; pictures and pages are not.
        self.answers.append((reply.status_code, kind, b"" if "json" in kind else reply.content))
        return reply


def reads_that_end_badly(client: Client) -> None:
    client.send()
    for _ in range(4):
        client.read()


def a_day_of_all_kinds(client: Client) -> None:
    client.send(prompt="a cat")
    client.read(method="HEAD")
    client.read()
    client.send()
    client.send()
    client.read(0)
    client.read(0)
    client.send(seed=-1)
    client.read()
    client.send()
    client.read()


def orders_in_prompts(client: Client) -> None:
    for word in ("corrupt", "429", "unsafe-200", "expired", "lose", "html"):
        client.send(prompt=f"fauxscale:{word}")
        client.read()
        client.read()


DAYS: dict[str, tuple[tuple[Fault, ...], dict[str, Any], Callable[[Client], None]]] = {
    "good": ((Ok(),), {}, a_day_of_all_kinds),
    "expired": ((Expire(),), {"on": "ideogram", "after": 1}, reads_that_end_badly),
    "purged": ((Purge(),), {"on": "ideogram", "after": 2}, reads_that_end_badly),
    "magic": ((Ok(),), {}, orders_in_prompts),
    "cut": ((Truncate(7),), {"on": "ideogram", "after": 1, "times": 2}, reads_that_end_badly),
    "failing reads": ((Fail(503),), {"on": "ideogram.download", "after": 1}, reads_that_end_badly),
    "lost reads": ((LoseReply("close", at=5),), {"on": "*.download", "times": 2}, reads_that_end_badly),
    "odd reads": ((Ok(), HtmlWith200(), Redirect("https://x.invalid/"), CorruptChunk()), {}, reads_that_end_badly),
    "both kinds": ((Ok(), Truncate(3), Fail(429, retry_after=2), LoseReply(), Expire()), {}, a_day_of_all_kinds),
    "odd calls": ((SameSize(), Fail(500), Smaller(), Ok(), UnsafeImage(True)), {}, a_day_of_all_kinds),
    "slow and lost": ((Fail(503), Ok(), Delay(0.01), LoseReply("close"), Expire()), {}, a_day_of_all_kinds),
}  # fmt: skip


@pytest.mark.parametrize("day", DAYS)
def test_an_exported_run_gives_the_same_answers_when_it_is_staged(stage: Stage, day: str) -> None:
    steps, when, run = DAYS[day]
    with stage.account() as first, stage.account() as second:
        first.faults.script(steps, **when)
        seen, again = Client(stage, first), Client(stage, second)
        run(seen)
        exported = first.faults.export()
        second.faults.script(exported)
        run(again)
        assert again.answers == seen.answers
        assert second.faults.list()[0].left == 0
        assert second.faults.export() == exported


def test_a_limit_and_an_empty_wallet_are_staged_where_there_is_none(stage: Stage) -> None:
    def run(client: Client) -> None:
        client.send()
        client.read()
        client.send()
        client.read()
        client.send()
        client.send()

    with stage.account(balance=0.12, rate_limit=3) as first, stage.account() as second:
        seen, again = Client(stage, first), Client(stage, second)
        run(seen)
        assert [status for status, _, _ in seen.answers] == [200, 200, 200, 200, 402, 429]
        second.faults.script(first.faults.export())
        run(again)
        assert [status for status, _, _ in again.answers] == [200, 200, 200, 200, 402, 429]


def test_a_link_that_died_is_configured_to_die_once_and_the_next_one_lives(stage: Stage) -> None:
    def run(client: Client, account: AccountHandle) -> None:
        client.send()
        if account is first:
            account.links.expire()
        client.read()
        client.read()
        client.send()
        client.read()
        client.read()

    with stage.account() as first, stage.account() as second:
        seen, again = Client(stage, first), Client(stage, second)
        run(seen, first)
        script = first.faults.export()
        steps: list[Fault] = [Ok(), Expire(), Ok(download=True), Ok(), Ok(download=True), Ok(download=True)]
        assert script == steps
        second.faults.script(script)
        run(again, second)
        assert again.answers == seen.answers
        assert second.faults.list()[0].left == 0


def test_a_step_that_lets_a_call_pass_hides_no_refusal_from_an_export(stage: Stage) -> None:
    with stage.account(balance=0) as account:
        account.faults.script([Ok(), Delay(0.001)])
        client = Client(stage, account)
        client.send()
        client.send()
        assert account.faults.export() == [Fail(402), Fail(402)]


def test_what_went_wrong_upstream_is_staged_with_the_answer_the_client_saw(stage: Stage) -> None:
    def edit(account: AccountHandle) -> int:
        key = {"authorization": f"Bearer {account.api_key('lumenfall')}"}
        url = f"{stage.base_url('lumenfall')}/images/edits"
        form: Any = {
            "model": (None, "ideogram-upscale"),
            "prompt": (None, "x"),
            "image": ("a.png", picture()),
        }
        return stage.http.post(url, headers=key, files=form).status_code

    with stage.account() as first, stage.account() as second:
        for fault in (Fail(500), UnsafeImage(), Fail(404), LoseReply()):
            first.faults.add(fault, on="fal.run")
        seen = [edit(first) for _ in range(5)]
        second.faults.script(first.faults.export())
        assert [edit(second) for _ in range(5)] == seen
        assert seen[0] == 502
        assert seen[-1] == 200


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"fault": "Ok", "times": 1e308}, "times must be a whole number"),
        ({"fault": "Ok", "after": 1e308}, "after must be a whole number"),
        ({"fault": "Fail", "status": 500, "code": "generation_timeuot", "on": "fal"}, "generation_timeout"),
        ({"fault": "Fail", "status": 500, "code": "none_such", "on": "fal.run"}, "fal has no error"),
        ({"fault": "Ok", "download": "yes"}, "Ok.download must be true or false"),
        ({"fault": "Body", "media_type": "text/html\r\nx: y"}, "one line of printable ASCII"),
        ({"fault": "Redirect", "to": "http://127.0.0.1/€"}, "one line of printable ASCII"),
        ({"fault": "DuplicateWebhook", "copies": 10**9}, "copies must be from 1 to 100"),
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_told_what_would(
    stage: Stage, account: AccountHandle, order: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        stage.mock.client.call("POST", f"/accounts/{account.id}/faults", order)
    assert account.faults.list() == []


@pytest.mark.parametrize("text", ['{"fault": "Delay", "seconds": 1e400}', '{"fault": "Ok", "times": 1e400}',
                                  '{"fault": "Ok", "after": ' + "9" * 400 + "}"])  # fmt: skip
def test_a_number_no_float_holds_is_refused(stage: Stage, account: AccountHandle, text: str) -> None:
    url = f"{stage.url}/__fauxscale/api/accounts/{account.id}/faults"
    assert stage.http.post(url, content=text).status_code == 400


def test_a_name_any_matched_provider_may_have_is_passed_on(account: AccountHandle) -> None:
    account.faults.add(Fail(404, code="MODEL_DISABLED"))
    account.faults.add(Fail(504, code="generation_timeout"), on="fal.run")
    assert len(account.faults.list()) == 2
