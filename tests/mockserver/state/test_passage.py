"""A call enters once, pays once, leaves once: one batch each as long as nothing changed, one more after a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace

from fauxscale import clock
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Fail, Rule
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.settings import Settings, Terms
from fauxscale.state import fault_plan, fault_progress
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.journal import Entry
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link
from fauxscale.state.passage import Arrival, Entered, enter, leave, pay, read_snapshot
from fauxscale.state.rate_limits import Quota, in_flight, per_minute
from fauxscale.state.store import Store, StoreUnavailable
from tests.mockserver.state.moved_clock import Wall

CHARGE = Charge("charge_1", 0.0, "ideogram.upscale", 60_000, 1, "call_1", ("blob",), "{}")


class Counted:
    """A store that counts its batches."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batches, self.secret, self.skew = 0, store.secret, store.skew
        self.put_blob, self.get_blob, self.digests = store.put_blob, store.get_blob, store.digests
        self.changed, self.changes, self.close = store.changed, store.changes, store.close

    async def run(self, batch: Batch) -> BatchOutcome:
        self.batches += 1
        await asyncio.sleep(0)  # others may come in between, as in a network
        return await self.store.run(batch)


def arrival(holder: str = "w:1", *quotas: Quota) -> Arrival:
    return Arrival(
        holder=holder, operation="ideogram.upscale", kind="api", method="POST", provider="ideogram",
        quotas=lambda terms: quotas,
    )  # fmt: skip


def with_account(
    store: Store, work: Callable[[Account, Counted], Coroutine[Any, Any, None]], **terms: Any
) -> None:
    async def main() -> None:
        counted = Counted(store)
        account = await Accounts(Settings(), counted).make(Terms(**terms), lambda _: {"ideogram": "key"})
        await work(account, counted)

    asyncio.run(main())


def link(id: str, source: str) -> Link:  # its name
    return Link(
        id=id, account="acct_1", provider="ideogram", operation="ideogram.upscale", path=f"/{id}", exp=5,
        recipe=Recipe((source,), Enlarge(2, 2), "PNG"), width=2, height=2,
    )  # fmt: skip


async def upload(account: Account, known: Any = None) -> Entered:
    """All that an upload asks of the store."""
    entered = await enter(account, arrival(), known)
    source = await account.put_upload(b"picture", f"w:{entered.number}")
    charge = replace(CHARGE, id=account.dice.id_of_call("charge", entered.number), sources=(source,))
    results = [link(account.dice.id_of_call("link", entered.number, at), source) for at in range(2)]
    await pay(account, entered.snapshot.head, charge=charge, results=results, blobs=[source])
    entry = Entry(n=entered.number, id=f"call_{entered.number}")
    snapshot = await leave(account, arrival(), entry, entered.snapshot)
    assert snapshot is not None
    return replace(entered, snapshot=snapshot)


def test_an_upload_is_three_batches_and_leaves_what_it_should(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        known = (await upload(account)).snapshot
        counted.batches = 0
        await upload(account, known)
        assert counted.batches == 3
        assert [entry.id for entry in await account.journal.entries()] == ["call_1", "call_2"]
        assert await account.balance() == 1_000_000 - 120_000
        assert len({one.id for one in await account.links.all()}) == 4
        assert await account.totals() == {"calls": 2, "refused": 0, "images": 2, "micros": 120_000}
        assert await counted.store.get_blob((await account.links.all())[0].sources[0]) == b"picture"

    with_account(store, work, balance=1)


def test_a_change_is_one_batch_more_and_counts_the_call_once(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        known = await read_snapshot(account)
        await account.set_terms(Terms(latency=3))
        counted.batches = 0
        entered = await enter(account, arrival(), known)
        assert (counted.batches, entered.number) == (2, 1)
        assert entered.snapshot.head.terms.latency == 3
        counted.batches = 0
        await enter(account, arrival("w:2"), entered.snapshot)
        assert counted.batches == 1

    with_account(store, work)


def test_faults_are_assigned_once_each_however_many_enter_at_once(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        await account.faults.add(Rule("", tuple(Fail(500 + step) for step in range(5)), after=2))
        known = await read_snapshot(account)
        entered = await asyncio.gather(*(enter(account, arrival(f"w:{at}"), known) for at in range(10)))
        assert sorted(one.number for one in entered) == list(range(1, 11))
        steps = sorted(fault.step for one in entered for fault in one.faults)
        assert steps == list(range(5))

    with_account(store, work)


def test_a_fault_that_did_not_apply_is_given_back_with_leaving(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        await account.faults.add(Rule("", (Fail(500), Fail(501))))
        first = await enter(account, arrival())
        await enter(account, arrival("w:2"), first.snapshot)  # the snapshot of the first is old now
        counted.batches = 0
        snapshot = await leave(account, arrival(), Entry(n=1, id="call_1"), first.snapshot, first.faults)
        assert counted.batches == 2
        again = await enter(account, arrival("w:3"), snapshot)
        assert [fault.step for fault in again.faults] == [0]
        assert [entry.id for entry in await account.journal.entries()] == ["call_1"]

    with_account(store, work)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, wall: Wall) -> Callable[[float], None]:
    """Let time go on, for the store and for who asks it."""
    begun = clock.wall()
    passed = 0.0

    def move(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        wall.now += seconds
        for module in (fault_plan, fault_progress):
            monkeypatch.setattr(module, "wall", lambda: begun + passed)

    move(0)
    return move


def test_what_a_call_was_assigned_whose_process_died_is_assigned_again_and_once(
    store: Store, later: Callable[[float], None]
) -> None:
    async def work(account: Account, counted: Counted) -> None:
        await account.faults.add(Rule("", (Fail(500), Fail(501))))
        elsewhere = await Accounts(Settings(), counted).get(account.id)
        assert elsewhere is not None

        async def steps(holder: str) -> list[int]:
            return [fault.step for fault in (await enter(elsewhere, arrival(holder))).faults]

        dead = await enter(account, arrival("w:1"))
        assert [fault.step for fault in dead.faults] == [0]
        assert await steps("x:1") == [1]
        later(8)
        assert await steps("x:2") == []
        later(2)
        assert await steps("x:3") == [0], "that of the dead process, and not that of x:1, which lives"
        # It was not dead, but late: what others have by now it does not show, and does not give back.
        with pytest.raises(StoreUnavailable):
            await leave(account, arrival("w:1"), Entry(n=1, id="call_1"), dead.snapshot, dead.faults)
        assert await steps("x:4") == []

    with_account(store, work)


def test_what_a_call_was_assigned_stays_its_own_as_long_as_its_process_lives(
    store: Store, later: Callable[[float], None]
) -> None:
    async def work(account: Account, counted: Counted) -> None:
        await account.faults.add(Rule("", (Fail(500),)))
        elsewhere = await Accounts(Settings(), counted).get(account.id)
        assert elsewhere is not None
        slow = await enter(account, arrival("w:1"))
        for _ in range(3):
            later(8)
            await account.faults._renewal._renew()
            assert (await enter(elsewhere, arrival("x:1"))).faults == ()
        await leave(account, arrival("w:1"), Entry(n=1, id="call_1"), slow.snapshot, slow.faults)
        assert len((await enter(elsewhere, arrival("x:2"))).faults) == 1

    with_account(store, work)


def test_a_refused_call_has_its_number_its_faults_and_its_minute(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        await account.faults.add(Rule("", (Fail(500),), after=1))
        entered: list[Entered] = [
            await enter(account, arrival(f"w:{at}", in_flight(1), per_minute(3))) for at in range(4)
        ]
        problems = [one.refusal.problem if one.refusal else None for one in entered]
        busy, often = Problem.TOO_MANY_IN_FLIGHT, Problem.RATE_LIMITED
        assert problems == [None, busy, busy, often]
        assert [one.number for one in entered] == [1, 2, 3, 4]
        assert [len(one.faults) for one in entered] == [0, 1, 0, 0]

    with_account(store, work)


def test_a_place_is_free_once_its_call_has_left(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        first = await enter(account, arrival("w:1", in_flight(1)))
        assert (await enter(account, arrival("w:2", in_flight(1)))).refusal is not None
        await leave(account, arrival("w:1"), Entry(n=1, id="call_1"), first.snapshot)
        assert (await enter(account, arrival("w:3", in_flight(1)))).refusal is None

    with_account(store, work)


def test_images_beyond_the_first_are_counted_when_they_are_paid(store: Store) -> None:
    places, often = Quota(most=4, units="images"), Quota(most=9, units="images", window=10.0, kind="rolling")

    async def work(account: Account, counted: Counted) -> None:
        async def make(holder: str, images: int) -> Problem | None:
            come = arrival(holder, places, often)
            entered = await enter(account, come)
            charge = replace(CHARGE, id=holder, images=images)
            try:
                await pay(account, entered.snapshot.head, charge=charge, results=[], blobs=[], arrival=come)
            except ApiError as refusal:
                await leave(account, come, Entry(id=holder), entered.snapshot)
                return refusal.problem
            return None

        assert await make("w:1", 3) is None
        assert await make("w:2", 2) is Problem.TOO_MANY_IN_FLIGHT
        assert await make("w:3", 1) is None
        assert [one.id for one in await account.ledger.charges()] == ["w:1", "w:3"]
        await leave(account, arrival("w:1", places, often), Entry(id="w:1"), await read_snapshot(account))
        assert await make("w:4", 3) is None

    with_account(store, work)


def test_what_cannot_be_paid_leaves_no_trace(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        entered = await enter(account, arrival())
        source = await account.put_upload(b"picture", "w:1")
        with pytest.raises(ApiError) as refused:
            await pay(
                account, entered.snapshot.head, charge=CHARGE, results=[link("l", source)], blobs=[source]
            )
        assert refused.value.problem is Problem.NO_FUNDS
        assert (await account.links.all(), await account.ledger.charges()) == ([], [])

    with_account(store, work, balance=0.05)


def test_a_balance_set_meanwhile_is_the_one_that_pays(store: Store) -> None:
    async def work(account: Account, counted: Counted) -> None:
        entered = await enter(account, arrival())
        await account.set_terms(Terms(balance=0.05))
        with pytest.raises(ApiError, match="Insufficient"):
            await pay(account, entered.snapshot.head, charge=CHARGE, results=[], blobs=[])
        await account.set_terms(Terms(balance=1))
        head = await pay(account, entered.snapshot.head, charge=CHARGE, results=[], blobs=[])
        assert head.terms.balance == 1
        assert await account.balance() == 940_000

    with_account(store, work)


@pytest.mark.parametrize("how", ["reset", "delete"])
def test_a_call_whose_account_is_reset_on_its_way_pays_nothing_and_leaves_nothing(
    store: Store, how: str
) -> None:
    async def work(account: Account, counted: Counted) -> None:
        accounts = Accounts(Settings(), counted)
        entered = await enter(account, arrival("w:1", in_flight(1)))
        other = await accounts.get(account.id)
        assert other is not None
        await (other.reset() if how == "reset" else accounts.delete(account.id))
        with pytest.raises(ApiError) as refused:
            await pay(account, entered.snapshot.head, charge=CHARGE, results=[link("l", "b")], blobs=[])
        assert refused.value.problem is Problem.INVALID_KEY
        assert await leave(account, arrival(), Entry(id="call_1"), entered.snapshot) is None
        with pytest.raises(ApiError, match="Invalid API key"):
            await enter(account, arrival(), entered.snapshot)
        now = await accounts.get(account.id)
        assert (now is None) is (how == "delete")
        if now is not None:
            assert (await now.journal.entries(), await now.ledger.charges()) == ([], [])
            assert (await enter(now, arrival("w:2", in_flight(1)))).refusal is None

    with_account(store, work)


def test_nobody_enters_an_account_that_was_closed_and_opened_again_since(store: Store) -> None:
    """What one worker remembers of it is of another generation, whose head may look the same."""

    async def main() -> None:
        accounts = Accounts(Settings(), store)
        before = await accounts.of_key("a-key", "ideogram")
        remembered = (await enter(before, arrival())).snapshot
        await accounts.delete(before.id)
        again = await accounts.of_key("a-key", "ideogram")
        assert again.id == before.id
        for known in (remembered, None):
            with pytest.raises(ApiError) as gone:
                await enter(before, arrival("w:2"), known)
            assert gone.value.problem is Problem.INVALID_KEY
        assert (await enter(again, arrival("w:3"))).number == 1

    asyncio.run(main())
