"""The situations of a test are those of conform's lists that can meet one of its calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from fauxscale import Fail, Hang, MockServer
from fauxscale.client import AccountHandle
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.explore.played import played
from fauxscale_contracts.explore.situations import (
    MOST_POLLS,
    Situation,
    is_tried,
    situation,
    situations_of,
    without_list,
)
from tests.contracts.explore.clients import careless, fetch, order


def names(account: AccountHandle) -> list[str]:
    return [one.id for one, _ in situations_of(played(account))]


def test_a_call_meets_every_scenario_that_the_service_stages_alone(account: AccountHandle) -> None:
    careless(account)
    staged = {one.id for one in scenarios("ideogram") if is_tried(one)}
    assert {name.partition("@")[0] for name in names(account)} == staged
    assert {"lost-reply", "download-html", "empty-wallet", "clock-ahead"} <= staged


def test_pictures_options_and_keys_are_the_tests_own() -> None:
    left = [one.id for one in scenarios("ideogram") if not is_tried(one)]
    assert all(one.startswith(("picture-", "options-", "wrong-key")) for one in left)
    assert "wrong-key" in left


def test_without_a_download_nothing_can_go_wrong_with_one(account: AccountHandle) -> None:
    order(account)
    assert not [one for one in names(account) if "@ideogram.download" in one]
    assert "lost-reply@ideogram.upscale#1" in names(account)


def test_each_call_of_an_operation_meets_them_by_its_number(account: AccountHandle) -> None:
    order(account)
    order(account, resemblance=7)
    found = [one for one in names(account) if one.startswith(("lost-reply@", "empty-wallet@"))]
    # Money and clocks are so from the start.
    assert sorted(found) == [
        "empty-wallet@ideogram.upscale#1",
        "lost-reply@ideogram.upscale#1",
        "lost-reply@ideogram.upscale#2",
    ]


def test_a_call_that_went_wrong_by_itself_meets_none(account: AccountHandle) -> None:
    account.faults.add(Fail(503))
    order(account)
    order(account)
    assert "reset@ideogram.upscale#1" not in names(account)
    assert "reset@ideogram.upscale#2" in names(account)


def test_the_costly_ones_come_first(account: AccountHandle) -> None:
    careless(account)
    ranks = [one.rank for one, _ in situations_of(played(account))]
    assert ranks == sorted(ranks)
    assert situation("lost-reply@ideogram.upscale").rank == 0
    assert situation("error-400@ideogram.upscale").rank > situation("reset@ideogram.upscale").rank


def test_calls_that_differ_in_values_only_are_the_same_to_a_client(server: MockServer) -> None:
    keys: list[set[object]] = []
    for params in ({"resemblance": 1}, {"resemblance": 2}, {"prompt": "a cup"}):
        with server.account() as account:
            order(account, **params)
            keys.append({key for _, key in situations_of(played(account))})
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2]


@pytest.mark.parametrize("number", [1, 2])
def test_a_situation_meets_the_call_it_names(account: AccountHandle, number: int) -> None:
    staged = situation(f"error-422@ideogram.upscale#{number}")
    staged.stage(account)
    assert not staged.has_met(account)
    statuses = [order(account).status_code for _ in range(2)]
    assert statuses == ([422, 422] if number == 1 else [200, 422])
    assert staged.has_met(account)


def test_money_and_clocks_are_staged_as_well(account: AccountHandle) -> None:
    before = account.clock.now()
    situation("clock-ahead@ideogram.upscale").stage(account)
    situation("empty-wallet@ideogram.upscale").stage(account)
    assert account.clock.now() - before > 80_000
    assert order(account).status_code in (402, 403)


def test_a_link_that_is_dead_on_arrival(account: AccountHandle) -> None:
    situation("download-dead-on-arrival@ideogram.upscale").stage(account)
    with pytest.raises(Exception, match="403"):
        fetch(order(account))


def test_silence_ends_with_the_patience(account: AccountHandle) -> None:
    staged = situation("hang@ideogram.upscale")
    assert staged.is_silent
    assert isinstance(staged.faults[0], Hang)
    staged.stage(account, patience=0.01)
    with pytest.raises(Exception, match="disconnected"):
        order(account)
    assert staged.has_met(account)


def test_work_that_is_never_done_ends_after_some_polls(account: AccountHandle) -> None:
    situation("queue-stuck@fal.submit").stage(account)
    assert account.settings()["options"]["fal.polls"] == MOST_POLLS


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lost-reply", "is not a situation: write"),
        ("lost-reply@ideogram.upscale#x", "is not a situation: write"),
        ("lost-replies@ideogram.upscale", "choose from .*lost-reply,"),
        ("lost-reply@ideogram.nothing", "has no list"),
        ("picture-text@ideogram.upscale", "choose from"),
    ],
)
def test_what_is_no_situation_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        situation(name)


def test_an_id_reads_as_it_is_written() -> None:
    one = situation("lost-reply@ideogram.upscale#2")
    assert isinstance(one, Situation)
    assert (one.id, one.number) == ("lost-reply@ideogram.upscale#2", 2)
    assert situation("lost-reply@ideogram.upscale").number == 1


def test_operations_without_a_list_are_named(account: AccountHandle) -> None:
    import httpx

    key = {"Api-Key": account.api_key("ideogram")}
    files = {"prompt": (None, "a cup")}
    httpx.post(
        f"{account.base_url('ideogram')}/v1/ideogram-v3/generate-transparent", headers=key, files=files
    )
    order(account)
    assert without_list(played(account).calls) == [
        one.operation for one in account.calls if one.operation != "ideogram.upscale" and one.cost
    ]


def test_the_lists_load_without_hypothesis() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from fauxscale_contracts.explore import plan, run, page; "
        "from fauxscale_contracts.explore.situations import situation; situation('hang@ideogram.upscale'); "
        "print([name for name in sys.modules if name.partition('.')[0] in ('hypothesis', 'schemathesis')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    assert done.stdout == "[]\n", done.stderr
