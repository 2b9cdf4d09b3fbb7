"""An account's random numbers: ids, seeds and rolls, the same for the same seed, account and draw number."""

from __future__ import annotations

import base64

from .batch import Batch, Ref
from .scope import Scope
from .signing import Mac


class Dice:
    """Counts the draws by purpose, and makes bytes from number and secret."""

    def __init__(self, scope: Scope, secret: bytes) -> None:
        self._scope = scope
        self._mac = Mac(secret)

    def add_number(self, batch: Batch, purpose: str, *, counts: bool = False) -> Ref[int | None]:
        """Take the next number for this purpose, from 1."""
        return batch.add(self._scope.key("dice", purpose), 1, counts=counts)

    def add_reset(self, batch: Batch, *, ids: bool) -> None:
        """Reset the draws; those of `ids` too, if nothing holds an id any more."""
        batch.drop(self._scope.group("replay"))
        if ids:
            batch.drop(self._scope.group("dice"))
        else:
            batch.delete(self._scope.key("dice", "roll"), self._scope.key("dice", "seed"))

    def cast(self, purpose: str, number: int) -> bytes:
        """Compute the 32 bytes of one draw."""
        return self._mac(f"{self._scope.account}\n{purpose}\n{number}".encode())

    def id_of(self, purpose: str, number: int) -> str:
        """Compute 22 URL-safe characters, 16 bytes."""
        return base64.urlsafe_b64encode(self.cast(purpose, number)[:16]).rstrip(b"=").decode()

    def of_call(self, purpose: str, call: int, index: int = 0) -> bytes:
        """Compute 32 bytes for the call of this number, without counting a draw."""
        return self.cast(f"{purpose} of call {call}", index)

    def id_of_call(self, purpose: str, call: int, index: int = 0) -> str:
        """Compute 22 URL-safe characters for the call of this number."""
        return self.id_of(f"{purpose} of call {call}", index)

    def luck(self, name: str, number: int, purpose: str = "rule") -> float:
        """Roll a number from 0 up to, not including, 1.

        It depends on the name, not on the account's number: a test rolls the same numbers alone and among others.
        """
        rolled = self._mac(f"{purpose}\n{name}\n{number}".encode())
        return int.from_bytes(rolled[:8], "big") / 2**64

    async def number(self, purpose: str) -> int:
        """Take the next number for this purpose, from 1."""
        batch = self._scope.batch()
        number = self.add_number(batch, purpose)
        return (await self._scope.run(batch)).of(number) or 0

    async def number_late(self, purpose: str) -> int:
        """Take the next number for this purpose; 0 once the account is gone."""
        batch = self._scope.batch()
        number = self.add_number(batch, purpose)
        outcome = await self._scope.run_late(batch)
        return 0 if outcome is None else outcome.of(number) or 0

    async def turn(self, asked: str) -> int:
        """Count how often a recording was asked for this, from 1."""
        batch = self._scope.batch()
        number = batch.add(self._scope.key("replay", asked), 1)
        return (await self._scope.run(batch)).of(number) or 0
