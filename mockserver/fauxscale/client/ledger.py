"""LedgerView: the charges of an account, and the assertion that nothing was charged twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct


class Bill(Struct, frozen=True):
    """One charge, or a refund where `refunds` names a charge. Equal fingerprints are the same work.

    `micros` in micro-dollars, `at` a time of the account's clock, `call` the id of the call it was for.
    """

    id: str
    at: float
    operation: str
    micros: int
    images: int
    call: str
    fingerprint: str
    refunds: str | None

    @property
    def dollars(self) -> float:
        return self.micros / 1_000_000


class LedgerView:
    """The charges of an account, oldest first, and their sums."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        names = Bill.__struct_fields__
        self.bills = tuple(Bill(**{name: one[name] for name in names}) for one in members["charges"])
        self._spent: int = members["spent"]
        self._left: int | None = members["balance"]

    @property
    def spend(self) -> float:
        """Dollars charged and not refunded."""
        return self._spent / 1_000_000

    @property
    def balance(self) -> float | None:
        """Dollars left; None if unlimited."""
        return None if self._left is None else self._left / 1_000_000

    @property
    def kept(self) -> tuple[Bill, ...]:
        """The charges that were not refunded."""
        returned = {bill.refunds for bill in self.bills}
        return tuple(bill for bill in self.bills if bill.refunds is None and bill.id not in returned)

    def __len__(self) -> int:
        return len(self.bills)

    def __iter__(self) -> Iterator[Bill]:
        return iter(self.bills)

    def __getitem__(self, number: int) -> Bill:
        return self.bills[number]


def billed_once(ledger: LedgerView) -> None:
    """Fail unless something was charged, and nothing was charged twice."""
    work: dict[str, list[Bill]] = {}
    for bill in ledger.kept:
        work.setdefault(bill.fingerprint, []).append(bill)
    if not work:
        raise AssertionError("nothing was billed: no call of this account completed work that costs money")
    twice = [
        f"{bills[0].operation} was billed {len(bills)} times for the same picture and parameters: "
        + ", ".join(f"{bill.call} (${bill.dollars:.2f})" for bill in bills)
        for bills in work.values()
        if len(bills) > 1
    ]
    if twice:
        raise AssertionError("\n".join(twice))
