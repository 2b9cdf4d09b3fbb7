"""Records: what else a provider remembers about an account, in tables of values by id."""

from __future__ import annotations

from typing import TypeVar

from fauxscale.errors import ApiError, Problem

from .batch import Batch
from .scope import Scope

T = TypeVar("T")


class Records:
    """Tables of one account, each named by its provider. Reading a table gives its values oldest first."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add_reset(self, batch: Batch) -> None:
        """Forget every record."""
        batch.drop(self._scope.group("records"))

    async def put(
        self, table: str, name: str, value: object, *, blob: str = "", most: int | None = None
    ) -> bool:
        """Store a value under its name; False, with nothing changed, if `most` are stored already.

        `blob` is the account's stored blob that the value names: it is kept from now on. Raises INVALID_KEY if the
        account is gone.
        """
        batch = self._scope.batch()
        place = None
        if most is not None:
            place = batch.add(self._scope.key("records", f"{table}#"), 1, most=most)
        if blob:
            batch.name_blob(blob)
        batch.set_field(self._scope.key("records", table), name, value)
        outcome = await self._scope.run(batch)
        if outcome.refusal is None:
            return True
        if place is not None and outcome.refused(place):
            return False
        raise ApiError(
            Problem.UNAVAILABLE,
            "The upload was not kept",
            reason="the stored bytes were gone before they were named: the store lost them, or took over a minute",
        )

    async def get(self, table: str, name: str, kind: type[T]) -> T | None:
        batch = Batch()
        found = batch.get_field(self._scope.key("records", table), name, kind)
        return (await self._scope.store.run(batch)).of(found)

    async def all(self, table: str, kind: type[T]) -> list[T]:
        """List a table's values, oldest first."""
        batch = Batch()
        found = batch.fields(self._scope.key("records", table), kind)
        return list((await self._scope.store.run(batch)).of(found).values())
