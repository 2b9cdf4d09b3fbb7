"""Whose key it is, what an account forgets, and that the same seed draws the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Fail, Rule
from fauxscale.settings import Settings, Terms
from fauxscale.state.account import RESETTABLE
from fauxscale.state.accounts import Accounts
from fauxscale.state.store import MemoryStore


def open_accounts(**settings: object) -> Accounts:
    return Accounts(Settings(**settings), MemoryStore())  # type: ignore[arg-type]  # Settings' own words


def keys(number: int) -> Mapping[str, str]:
    return {"ideogram": f"key-{number}", "fal": f"id-{number}:secret"}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (None, Problem.MISSING_KEY),
        ("", Problem.MISSING_KEY),
        ("an-invalid-one", Problem.INVALID_KEY),
    ],
)
def test_where_any_key_opens_an_account_none_and_an_invalid_one_do_not(
    key: str | None, problem: Problem
) -> None:
    with pytest.raises(ApiError) as refused:
        asyncio.run(open_accounts().of_key(key, "ideogram"))
    assert refused.value.problem is problem


def test_equal_keys_are_one_account_on_every_server() -> None:
    first, again = (asyncio.run(open_accounts().of_key("a-key", name)).id for name in ("ideogram", "fal"))
    assert first == again != asyncio.run(open_accounts().of_key("another", "fal")).id


def test_where_keys_are_issued_only_those_open_and_each_at_its_provider() -> None:
    async def try_keys() -> None:
        accounts = open_accounts(key_policy="issued", keys=("named-invalid-key",))
        made = await accounts.make(Terms(), keys)
        assert (await accounts.of_key("key-1", "ideogram")).id == made.id
        assert (await accounts.of_key("named-invalid-key", "fal")).id != made.id
        with pytest.raises(ApiError, match="Invalid API key") as stranger:
            await accounts.of_key("any", "ideogram")
        assert "was not issued here" in stranger.value.reason
        with pytest.raises(ApiError) as swapped:
            await accounts.of_key("key-1", "fal")
        assert "issued for ideogram, not for fal" in swapped.value.reason

    asyncio.run(try_keys())


def test_a_taken_key_cannot_be_given_again_and_a_deleted_account_s_can() -> None:
    async def try_keys() -> None:
        accounts = open_accounts()
        account = await accounts.make(Terms(), lambda _: {"ideogram": "mine"})
        with pytest.raises(ValueError, match="belongs to another account"):
            await accounts.make(Terms(), lambda _: {"ideogram": "mine"})
        await accounts.delete(account.id)
        await accounts.make(Terms(), lambda _: {"ideogram": "mine"})
        await accounts.of_key("seen", "ideogram")
        with pytest.raises(ValueError, match="the key for ideogram belongs to another account"):
            await accounts.make(Terms(), lambda _: {"ideogram": "seen"}, given=("ideogram",))

    asyncio.run(try_keys())


def test_a_call_that_is_late_after_a_reset_takes_no_key_of_a_new_account() -> None:
    async def found() -> tuple[str, str, int]:
        accounts = open_accounts()
        await accounts.make(Terms(), keys)
        await accounts.reset()
        await accounts.of_key("key-1", "ideogram")  # the late call
        made = await accounts.make(Terms(), keys)
        return made.id, (await accounts.of_key("key-1", "ideogram")).id, len(await accounts.cards())

    made, owner, count = asyncio.run(found())
    assert made == owner
    assert count == 1


def test_an_account_that_was_closed_and_opened_again_is_one() -> None:
    async def ids() -> list[str]:
        accounts = open_accounts()
        for _ in range(2):
            account = await accounts.of_key("a-key", "fal")
            await accounts.of_key("another", "fal")
            await accounts.delete(account.id)
        await accounts.of_key("a-key", "fal")
        return [card.id for card in await accounts.cards()]

    found = asyncio.run(ids())
    assert len(found) == len(set(found)) == 2


def test_a_deleted_account_leaves_nothing_in_the_store() -> None:
    async def left() -> list[str]:
        store = MemoryStore()
        accounts = Accounts(Settings(), store)
        account = await accounts.make(Terms(balance=1), keys)
        await account.draw("seed")
        await account.faults.add(Rule("", (Fail(500),)))
        await account.keep_upload(b"picture")
        await accounts.delete(account.id)
        assert await accounts.cards() == []
        return sorted(set(store.keys()) - {"accounts/cards"})

    assert asyncio.run(left()) == ["accounts/made", "server/generations"]


async def draws(seed: int, purpose: str, *reset: str) -> list[str]:
    """Three draws, after three others and a reset where one is named."""
    account = await open_accounts(seed=seed).make(Terms(), keys)
    if reset:
        for _ in range(3):
            await account.draw_id(purpose)
        await account.reset(reset)
    return [await account.draw_id(purpose) for _ in range(3)]


def test_draws_are_the_seed_s_and_the_account_s_and_begin_anew_with_it() -> None:
    first = asyncio.run(draws(0, "seed"))
    assert len(set(first)) == 3
    assert first == asyncio.run(draws(0, "seed")) == asyncio.run(draws(0, "seed", "seed"))
    assert first != asyncio.run(draws(1, "seed"))


@pytest.mark.parametrize("purpose", ["call", "charge", "link", "file", "request"])
def test_no_id_is_given_again_while_something_may_still_bear_it(purpose: str) -> None:
    first = asyncio.run(draws(0, purpose))
    assert first == asyncio.run(draws(0, purpose, *RESETTABLE))
    for kept in ("calls", "jobs", "ledger", "links"):
        reset = [one for one in RESETTABLE if one != kept]
        assert not set(first) & set(asyncio.run(draws(0, purpose, *reset))), kept


def test_a_roll_is_from_nought_up_to_one() -> None:
    async def rolls() -> list[float]:
        account = await open_accounts().make(Terms(), keys)
        return [await account.roll() for _ in range(200)]

    rolled = asyncio.run(rolls())
    assert all(0 <= one < 1 for one in rolled)
    assert 0.4 < sum(rolled) / len(rolled) < 0.6


def test_luck_goes_by_the_label_and_is_no_matter_of_who_else_is_there() -> None:
    async def rolls(*labels: str) -> list[float]:
        accounts = open_accounts()
        made = [await accounts.make(Terms(), keys, label) for label in labels]
        return [await account.roll() for account in made]

    alone, among, twin, other = asyncio.run(rolls("mine")), *asyncio.run(rolls("a", "mine", "mine", "b"))[1:]
    assert alone == [among] == [twin] != [other]


def test_own_terms_go_before_the_server_s() -> None:
    async def terms() -> tuple[Terms, int | None]:
        accounts = open_accounts(terms=Terms(balance=5, latency=1))
        account = await accounts.make(Terms(latency=0), keys)
        return await account.terms(), await account.funds()

    assert asyncio.run(terms()) == (Terms(balance=5, latency=0), 5_000_000)
