"""The totals of a run, over all accounts and all workers."""

from __future__ import annotations

from collections.abc import Mapping


class Totals:
    """Totals: calls of APIs, pictures made, their price in micro-dollars, live calls that were blocked."""

    def __init__(self, calls: int = 0, images: int = 0, micros: int = 0, refused: int = 0) -> None:
        self.calls, self.images, self.micros, self.refused = calls, images, micros, refused
        # Accepted calls that were checked against the contract, and those that left it, by the worst severity.
        self.judged = self.rejected = self.undocumented = self.ignored = 0

    def add(self, members: Mapping[str, int]) -> None:
        """Add the totals of an account or a worker."""
        self.calls += members.get("calls", 0)
        self.images += members.get("images", 0)
        self.micros += members.get("micros", 0)
        self.refused += members.get("refused", 0)
        self.judged += members.get("judged", 0)
        self.rejected += members.get("rejected", 0)
        self.undocumented += members.get("undocumented", 0)
        self.ignored += members.get("ignored", 0)

    def to_members(self) -> dict[str, int]:
        return dict(vars(self))

    def exceeds(self, budget: float | None) -> bool:
        """Whether more was spent than `budget` dollars."""
        return budget is not None and self.micros > round(budget * 1_000_000)

    @property
    def contract(self) -> str:
        """The contract violations, the worst first; "" if no call was checked."""
        if not self.judged:
            return ""
        found = {
            "would be rejected": self.rejected,
            "undocumented": self.undocumented,
            "ignored": self.ignored,
        }
        told = ", ".join(f"{number:,} {name}" for name, number in found.items() if number)
        departures = _count(sum(found.values()), "violation")
        return f"{_count(self.judged, 'call')} checked, {departures}" + (f": {told}" if told else "")

    def __bool__(self) -> bool:
        return any(self.to_members().values())

    def __str__(self) -> str:
        said = f"{_count(self.calls, 'call')}, {_count(self.images, 'image')}, would have cost ${dollars(self.micros)}"
        return said + (f"; {_count(self.refused, 'live call')} refused" if self.refused else "")


def dollars(micros: int) -> str:
    """Format dollars with at least two places, and more where needed: 0.06, 2.28, 0.0604."""
    text = f"{micros / 1_000_000:.6f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.ljust(2, '0')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
