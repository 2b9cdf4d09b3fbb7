"""The keys of one generation of an account, and batches that fail once it has ended."""

from __future__ import annotations

from msgspec import Struct

from fauxscale.errors import ApiError, Problem

from .batch import Batch, BatchOutcome, Ref
from .store import Store

# The parts that a reset deletes one by one, and that a new generation leaves behind as a whole.
GROUPS = (
    "calls",
    "faults",
    "flight",
    "jobs",
    "webhooks",
    "ledger",
    "limits",
    "links",
    "files",
    "records",
    "blobs",
    "dice",
    "replay",
)


class Scope(Struct, frozen=True):
    """The keys of one account's state. A reset starts a new generation under other keys.

    `guarded`: writes expect the account to be still in this generation, so that late ones are dropped.
    """

    store: Store
    account: str
    generation: int = 0
    guarded: bool = False

    def group(self, room: str) -> str:
        return f"{{{self.account}}}:{self.generation}:{room}"

    def key(self, room: str, name: str) -> str:
        return f"{{{self.account}}}:{self.generation}:{room}/{name}"

    def lasting(self, name: str) -> str:
        """A key that outlives resets, until the account is closed."""
        return f"{self.lasting_group}/{name}"

    @property
    def lasting_group(self) -> str:
        return f"{{{self.account}}}:head"

    def batch(self) -> Batch:
        """Make a batch that is refused once the account was closed or reset."""
        batch = Batch()
        if self.guarded:
            batch.expect(self.lasting("head"), self.generation, member="generation")
        return batch

    def is_late(self, outcome: BatchOutcome) -> bool:
        """Whether a batch was refused because the account is in another generation now."""
        return self.guarded and outcome.refused(Ref(0))

    async def run(self, batch: Batch) -> BatchOutcome:
        """Run a batch made by `batch()`. Raises INVALID_KEY if the generation has ended."""
        outcome = await self.store.run(batch)
        if self.is_late(outcome):
            raise forgotten()
        return outcome

    async def run_late(self, batch: Batch) -> BatchOutcome | None:
        """Run a batch made by `batch()` that may come too late: then it changes nothing, and this is None."""
        outcome = await self.store.run(batch)
        return None if self.is_late(outcome) else outcome


def forgotten() -> ApiError:
    """Make the error of a call whose account was closed or reset while it ran."""
    return ApiError(
        Problem.INVALID_KEY,
        "Invalid API key",
        reason="the account was closed or reset, or the server reset, while this call was on its way",
    )
