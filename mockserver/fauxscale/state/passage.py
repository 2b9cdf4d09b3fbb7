"""The three store batches of a call, over all parts of its account: enter, pay, leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from fauxscale.errors import ApiError, Problem
from fauxscale.faults.rules import AssignedFault
from fauxscale.settings import Terms

from .account import Account
from .batch import Batch, BatchOutcome
from .fault_progress import RuleProgress, give_back, let_go
from .head import Head
from .journal import Entry
from .ledger import Charge
from .link import Link
from .rate_limits import Limited, Quota, RateLimitStatus
from .scope import forgotten
from .store import StoreUnavailable
from .turns import Turn


class Arrival(Struct, kw_only=True):
    """What is known of a call before it enters. `holder` names it among all calls of all workers; `quotas` are what
    limits it at its `provider` under its account's terms. `link` is the id of the link it reads, "" for none."""

    holder: str
    operation: str
    kind: str
    method: str
    provider: str = ""
    quotas: Callable[[Terms], Sequence[Quota]] = lambda terms: ()
    link: str = ""
    _limited: tuple[Terms, Limited] | None = None

    def limited(self, terms: Terms) -> Limited:
        """What counts the call under these terms."""
        if self._limited is None or self._limited[0] is not terms:
            covering = tuple(one for one in self.quotas(terms) if one.covers(self.operation))
            self._limited = terms, Limited(name=self.provider, holder=self.holder, quotas=covering)
        return self._limited[1]


class Snapshot(Struct):
    """An account's head and fault progress as a worker last read them: the next batch says if they are out of date."""

    head: Head
    progress: RuleProgress


class Entered(Struct):
    """The outcome of entering. A call that was refused has its number, its time and its faults all the same."""

    snapshot: Snapshot
    number: int
    faults: tuple[AssignedFault, ...]
    status: RateLimitStatus | None
    refusal: ApiError | None = None
    link: Link | None = None


async def enter(account: Account, arrival: Arrival, known: Snapshot | None = None) -> Entered:
    """Number a call, assign its faults, count it against its limits. One batch, and one more after a change.

    Raises INVALID_KEY when the account is closed, or in another generation: then it has to be found anew.
    """
    snapshot = known or await read_snapshot(account)
    if account.scope.guarded and snapshot.head.generation != account.scope.generation:
        raise forgotten()
    with account.faults.turns.turn() as turn:
        return await _enter(account, arrival, snapshot, turn)


async def _enter(account: Account, arrival: Arrival, snapshot: Snapshot, turn: Turn) -> Entered:
    while True:
        head, batch = snapshot.head, Batch()
        current = account.head.expect(batch, head)
        progress = await account.faults.recovered(head, snapshot.progress)
        assignment = account.faults.assignment(
            head, progress, arrival.operation, arrival.kind, arrival.method, arrival.holder
        )
        come = (
            account.faults.add_progress(batch, snapshot.progress, assignment.progress) if head.rules else None
        )
        if assignment.faults:
            account.faults.add_mark(batch, arrival.holder)
        number = account.dice.add_number(batch, "call", counts=True)
        link = account.links.get_in(batch, arrival.link) if arrival.link else None
        limited = arrival.limited(account.terms_of(head))
        counted = account.limits.add_entry(batch, limited, now=account.clock_of(head).now())
        outcome = await account.store.run(batch)
        if outcome.refused(current) or (come is not None and outcome.refused(come)):
            snapshot = await _refreshed(account, snapshot, outcome, turn)
            continue
        snapshot = Snapshot(head, account.faults.newest(assignment.progress))
        if assignment.faults:
            account.faults.hold(arrival.holder, assignment.faults)
        status = refusal = None
        try:
            status = counted.status(outcome)
        except ApiError as error:
            refusal = error
        if refusal is None:
            account.limits.hold(limited)
        found = None if link is None else outcome.of(link)
        return Entered(snapshot, outcome.of(number) or 0, assignment.faults, status, refusal, found)


async def pay(
    account: Account,
    head: Head,
    *,
    charge: Charge | None,
    results: Sequence[Link],
    blobs: Sequence[str],
    arrival: Arrival | None = None,
) -> Head:
    """Charge for work, store the links to its results and keep the blobs behind them: all of it or nothing.

    Where a quota counts images, those beyond the first are counted as those of the call that `arrival` describes.
    Returns the head it was paid under. Raises NO_FUNDS, RATE_LIMITED or TOO_MANY_IN_FLIGHT for the images,
    INVALID_KEY once the account is gone, and UNAVAILABLE if a blob did not wait for this.
    """
    more = max(0, charge.images - 1) if charge is not None else 0
    while True:
        batch = Batch()
        current = account.head.expect(batch, head)
        wallet = None
        if charge is not None:
            wallet = account.ledger.add_charge(batch, charge, account.funds_of(head))
        limited = arrival.limited(account.terms_of(head)) if arrival else Limited(name="", holder="")
        images = account.limits.add_images(batch, limited, more, now=account.clock_of(head).now())
        named = [batch.name_blob(blob) for blob in blobs]
        if results:
            account.links.add_results(batch, results)
        outcome = await account.store.run(batch)
        if outcome.refused(current):
            head = _same_generation(account, outcome)
            continue
        if charge is not None and (poor := account.ledger.refusal(outcome, wallet, charge)) is not None:
            raise poor
        if outcome.refusal is not None and not any(map(outcome.refused, named)):
            images.status(outcome)
        if any(map(outcome.refused, named)):
            raise ApiError(
                Problem.UNAVAILABLE,
                "The upload was not kept",
                reason="the stored picture was gone before the charge: the store lost it, or took over a minute",
            )
        if more:
            account.limits.hold(limited, more)
        return head


async def leave(
    account: Account,
    arrival: Arrival,
    entry: Entry,
    snapshot: Snapshot,
    unused: Sequence[AssignedFault] = (),
) -> Snapshot | None:
    """Write a call down, free its place in flight, give its `unused` faults back; None once the account is gone.

    Raises StoreUnavailable where it was taken for dead, and nobody may see its faults any more.
    """
    try:
        with account.faults.turns.turn() as turn:
            return await _leave(account, arrival, entry, snapshot, unused, turn)
    finally:
        account.faults.let_go(arrival.holder)


async def _leave(
    account: Account,
    arrival: Arrival,
    entry: Entry,
    snapshot: Snapshot,
    unused: Sequence[AssignedFault],
    turn: Turn,
) -> Snapshot | None:
    places, holder = account.limits.let_go(arrival.holder), arrival.holder
    held = account.faults.holds(holder)
    if held and holder not in snapshot.progress.held:
        snapshot = await read_snapshot(account)  # what it was assigned after it had entered
    while True:
        batch = account.scope.batch()
        head = snapshot.head
        if held and account.faults.is_lost(head, snapshot.progress, holder):
            raise StoreUnavailable("this call took so long that its faults were assigned to other calls")
        after = give_back(head.rules, let_go(snapshot.progress, holder), unused)
        current = come = None
        if after != snapshot.progress:
            current = account.head.expect(batch, head)
            come = account.faults.add_progress(batch, snapshot.progress, after)
        if held:
            account.faults.add_release(batch, holder)
        account.journal.add(batch, entry)
        account.limits.add_exit(batch, places)
        outcome = await account.store.run(batch)
        if account.scope.is_late(outcome):
            return None
        if outcome.refusal is None:
            return Snapshot(head, account.faults.newest(after))
        assert current is not None  # nothing else in this batch can refuse it
        assert come is not None
        try:
            snapshot = await _refreshed(account, snapshot, outcome, turn)
        except ApiError:
            return None


async def read_snapshot(account: Account) -> Snapshot:
    """Read an account's head and fault progress, in one batch."""
    batch = Batch()
    head, progress = account.head.get(batch), account.faults.get_progress(batch)
    outcome = await account.store.run(batch)
    return Snapshot(account.head.or_first(outcome.of(head)), outcome.of(progress) or RuleProgress())


async def _refreshed(account: Account, snapshot: Snapshot, outcome: BatchOutcome, turn: Turn) -> Snapshot:
    """What a refused batch found instead of what was known, once it is this call's turn to try again."""
    found = None if outcome.refusal is None else outcome.refusal.found
    if isinstance(found, RuleProgress):
        account.faults.newest(found)
        await turn.wait()
        return Snapshot(snapshot.head, account.faults.newest(found))
    # How far the rules have come is known still, or the next batch tells.
    return Snapshot(_same_generation(account, outcome), snapshot.progress)


def _same_generation(account: Account, outcome: BatchOutcome) -> Head:
    """Return the head a refused batch found. Raises INVALID_KEY if it is of another generation."""
    head = None if outcome.refusal is None else outcome.refusal.found
    if not isinstance(head, Head) or head.generation != account.scope.generation:
        raise forgotten()
    return head
