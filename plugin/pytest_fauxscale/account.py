"""TestedAccount: the account of a test, which can be put into a failure situation."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fauxscale.client import AccountHandle

if TYPE_CHECKING:
    from fauxscale_contracts.explore.played import Ending, Played, Sleep

    from .intercepted_calls import InterceptedCalls


@dataclass
class Seen:
    """What a client did in a situation, known once the block has ended. `charges`: how often the most paid piece of
    work was paid. `calls`: those that request work. `error`: the exception it raised. `findings`: exploration's
    findings about it."""

    charges: int = 0
    calls: int = 0
    error: Exception | None = None
    findings: list[str] = field(default_factory=list[str])


class TestedAccount(AccountHandle):
    """The account of one test."""

    __test__ = False  # no test class, despite its name

    @classmethod
    def of(cls, account: AccountHandle) -> TestedAccount:
        """The same account."""
        return cls(account._client, account.id, account._keys)

    situation: str | None = None
    """The situation this test is explored in, `lost-reply@ideogram.upscale#1`; None in a plain run."""
    intercepted: InterceptedCalls | None = None
    """What interception sees of its calls, if the real hosts are answered."""

    def played(
        self, *, sleeps: tuple[Sleep, ...] | None = None, ending: Ending = "passed", said: str = ""
    ) -> Played:
        """Collect what this account and its interception saw of the client."""
        from fauxscale_contracts.explore.played import played

        seen = self.intercepted
        callers, timeouts = (seen.callers, seen.timeouts) if seen else ((), ())
        return played(self, sleeps=sleeps, callers=callers, timeouts=timeouts, ending=ending, said=said)

    @contextmanager
    def exploring(self, name: str, *, patience: float = 0.0) -> Generator[Seen]:
        """Put the account into a situation, `lost-reply@ideogram.upscale#1`, and observe what the client does in it.

        An error that it raises is an answer to a situation, and stays in the block. If the service is silent,
        intercepted calls of httpx end at once by their client's time-out, and others after `patience` seconds.
        Raises ValueError for an unknown situation.
        """
        from fauxscale_contracts.explore.ending import ending_of
        from fauxscale_contracts.explore.played import Usual
        from fauxscale_contracts.explore.situations import situation
        from fauxscale_contracts.explore.verdict import judge

        from .sleeps import are_slept

        staged = situation(name)
        staged.stage(self, patience)
        if self.intercepted is not None:
            self.intercepted.silent = staged.is_silent and not patience
        seen = Seen()
        ending: Ending = "passed"
        said = ""
        try:
            yield seen
        except Exception as error:
            seen.error = error
            ending, said = ending_of(error)
        # If sleeps are real, the time between calls shows how long the client waited.
        done = self.played(sleeps=() if are_slept() else None, ending=ending, said=said)
        seen.charges = max(done.charges.values(), default=0)
        seen.calls = len(done.work())
        once = Usual(charges=dict.fromkeys(done.charges, 1), micros=done.micros, work=1, repeats=0, blocked=0)
        seen.findings = [*judge(staged, once, done, patience).reasons]
        with suppress(LookupError):
            for rule in self.faults.list():
                if not rule.applied:
                    self.faults.remove(rule.id)
