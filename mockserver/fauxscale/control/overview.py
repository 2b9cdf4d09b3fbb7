"""The newest calls of all accounts, and their totals, updated for the accounts that have changed.

Slow work, such as reading twenty thousand accounts for the first time, lets other calls go on in between.
"""

from __future__ import annotations

import bisect
import heapq
import math

from msgspec import Struct, field

from fauxscale.clock import give_way, stopwatch
from fauxscale.state.account import Account
from fauxscale.state.accounts import UNASSIGNED, Accounts
from fauxscale.state.journal import Entry

from .armed import Armed, armed

_AT_ONCE = 0.003  # seconds
_READ_FIRST = 4  # calls of one account: most accounts have few among the newest


class _Sums(Struct):
    """The cached state of an account. `last` is when its newest call ended; it was read no earlier than at `mark`."""

    label: str
    calls: int
    spent: int
    last: float
    mark: int
    armed: Armed


class Spender(Struct, frozen=True):
    """An account's charges, in micro-dollars, and how many of its calls are kept."""

    account: str
    label: str
    calls: int
    spent: int


class Row(Struct, frozen=True):
    """A call and its account."""

    account: str
    label: str
    entry: Entry


class Page(Struct, frozen=True):
    """Calls in the order they ended, newest first, and whether there are older ones."""

    rows: list[Row]
    more: bool


class Overview:
    """All accounts at the last `update`, which must be called first."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: dict[str, _Sums] = {}
        self._used: list[tuple[float, str]] = []  # the accounts with calls, by the end of the newest
        self._mark: int | None = None
        self.calls = self.spent = 0
        self._armed: dict[str, None] = {}  # the accounts with something armed, the last changed at the end

    async def update(self) -> int:
        """Read what has changed since the last time; returns a mark, which stays the same as long as nothing
        changes."""
        since = self._mark
        changes = await self._accounts.store.changes(since)
        pause = _Pauses()
        if changes.accounts is None:
            cards = await self._accounts.cards()
            await pause.now_and_then()
            await self._read(UNASSIGNED, "no account", changes.mark)
            is_open = {UNASSIGNED}
            for card in cards:
                is_open.add(card.id)
                await self._read(card.id, card.label, changes.mark)
                await pause.now_and_then()
            for name in [one for one in self._known if one not in is_open]:
                await self._read(name, "", changes.mark)
                await pause.now_and_then()
        else:
            for name in changes.accounts:
                await self._read(name, "", changes.mark)
                await pause.now_and_then()
        # Another poll may have read further meanwhile.
        self._mark = changes.mark if self._mark is None else max(self._mark, changes.mark)
        return changes.mark

    def spenders(self, most: int) -> tuple[list[Spender], int]:
        """List the accounts that spent most, and count the others that made calls."""
        used = [
            Spender(name, one.label, one.calls, one.spent)
            for name, one in self._known.items()
            if one.calls or one.spent
        ]
        return heapq.nlargest(most, used, key=lambda one: (one.spent, one.calls)), max(0, len(used) - most)

    def armed(self, most: int) -> tuple[list[tuple[str, str, Armed]], int]:
        """List what is armed: id, label and state of the `most` accounts that changed last, and how many there are."""
        newest = list(self._armed)[: -most - 1 : -1]
        known = [(name, self._known[name]) for name in newest]
        return [(name, one.label, one.armed) for name, one in known], len(self._armed)

    async def newest(self, most: int, before: float = math.inf, after: float = -math.inf) -> Page:
        """Read the `most` calls that ended last, or last `before` a moment, and none that ended before `after`.

        Only that many of the newest accounts can have one of them.
        """
        pause = _Pauses()
        first = bisect.bisect_left(self._used, (before, ""))
        # The end of each account's next call, as far as it is known before it is read.
        heap = [(-min(last, before), name) for last, name in self._used[max(0, first - most - 1) :]]
        heapq.heapify(heap)
        tails: dict[str, _Tail] = {}
        rows: list[Row] = []
        while heap and len(rows) <= most:
            _, name = heapq.heappop(heap)
            if (tail := tails.get(name)) is None:
                account = await self.find(name)
                if account is None:
                    continue  # closed meanwhile
                tail = tails[name] = _Tail(account, before)
            else:
                rows.append(Row(name, self._label(name), tail.rows.pop()))
                if rows[-1].entry.ended < after:
                    return Page(rows[:-1], more=True)
            if await tail.fill():
                heapq.heappush(heap, (-tail.rows[-1].ended, name))
            await pause.now_and_then()
        return Page(rows[:most], len(rows) > most)

    async def find(self, account: str) -> Account | None:
        """Find an open account, or the one of calls without an account, by its id."""
        return self._accounts.unassigned() if account == UNASSIGNED else await self._accounts.get(account)

    def _label(self, name: str) -> str:
        known = self._known.get(name)
        return known.label if known is not None else name

    async def _read(self, name: str, label: str, mark: int) -> None:
        before = self._known.get(name)
        if before is not None and before.mark > mark:
            return  # a poll that began later has read it
        account, now = await self.find(name), None
        if account is not None:
            calls, last = await account.journal.extent()
            label = label or (before.label if before is not None else await self._named(name))
            now = _Sums(label, calls, await account.ledger.spent(), last, mark, await armed(account))
        # No await from here on: the sums match what is known.
        self._armed.pop(name, None)
        if (old := self._known.pop(name, None)) is not None:
            self.calls -= old.calls
            self.spent -= old.spent
            if old.calls:
                del self._used[bisect.bisect_left(self._used, (old.last, name))]
        if now is not None:
            self._known[name] = now
            self.calls += now.calls
            self.spent += now.spent
            if now.armed:
                self._armed[name] = None
            if now.calls:
                bisect.insort(self._used, (now.last, name))

    async def _named(self, name: str) -> str:
        if name == UNASSIGNED:
            return "no account"
        card = await self._accounts.card(name)
        return name if card is None else card.label


class _Tail(Struct):
    """The newest calls of one account that were not returned yet, in `rows`, oldest first: read a few at a time."""

    account: Account
    before: float
    rows: list[Entry] = field(default_factory=list[Entry])
    _wanted: int = _READ_FIRST
    _ended: bool = False

    async def fill(self) -> bool:
        """Read more if none are left; false at the end."""
        if not self.rows and not self._ended:
            found = await self.account.journal.rows(self._wanted, self.before)
            self._ended = len(found) < self._wanted
            self._wanted *= 4
            self.rows = found
            if found:
                self.before = found[0].ended
        return bool(self.rows)


class _Pauses:
    """Lets other calls run whenever a time slice is used up."""

    def __init__(self) -> None:
        self._since = stopwatch()

    async def now_and_then(self) -> None:
        if stopwatch() - self._since > _AT_ONCE:
            await give_way()
            self._since = stopwatch()
