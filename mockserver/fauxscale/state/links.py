"""The links an account gave out, and the files its clients stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fauxscale.clock import wall

from .batch import Batch, Ref
from .files import File
from .link import Link
from .scope import Scope

_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link is stored: an entry of the directory."""

    account: str
    generation: int


def directory_key(link_id: str) -> str:
    """The directory's key for a link's id."""
    return f"link/{link_id}"


def file_id(name: str) -> str:
    """The id of a file in the directory."""
    return f"{_FILE}{name}"


class Links:
    """The links of one account. The blobs behind them are stored under the account's own keys."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._all = scope.key("links", "all")
        self._files = scope.key("links", "files")
        self._given = scope.key("links", "given")
        self._swept = scope.key("links", "swept")

    def add_results(self, batch: Batch, results: Sequence[Link]) -> None:
        """Store the links to all results of one upload."""
        for one in results:
            batch.set_field(self._all, one.id, one if one.made else replace(one, made=wall()))
            self._enter(batch, one.id)
        self._note(batch, " ".join(one.id for one in results))

    def add_file(self, batch: Batch, file: File) -> None:
        batch.set_field(self._files, file.id, file)
        self._enter(batch, file_id(file.id))
        self._note(batch, file_id(file.id))

    def add_reset(self, batch: Batch, names: Iterable[str]) -> None:
        """Delete all links and files, with the pictures behind them. `names` are the ids ever given out."""
        for group in ("links", "blobs"):
            batch.drop(self._scope.group(group))
        batch.delete(*map(directory_key, names))

    def _enter(self, batch: Batch, name: str) -> None:
        batch.put(directory_key(name), Place(self._scope.account, self._scope.generation))

    def _note(self, batch: Batch, names: str) -> None:
        batch.append(self._given, names, most=1_000_000, most_bytes=64 * 1024 * 1024, size=len(names))

    async def keep(self, *results: Link) -> None:
        """Store the links to all results of one upload."""
        batch = self._scope.batch()
        self.add_results(batch, results)
        await self._scope.run(batch)

    async def keep_file(self, file: File) -> None:
        batch = self._scope.batch()
        self.add_file(batch, file)
        await self._scope.run(batch)

    def get_in(self, batch: Batch, link_id: str) -> Ref[Link | None]:
        return batch.get_field(self._all, link_id, Link)

    async def get(self, link_id: str) -> Link | None:
        """Read a link, None if it was purged."""
        batch = Batch()
        found = self.get_in(batch, link_id)
        return (await self._scope.store.run(batch)).of(found)

    async def of(self, ids: Sequence[str]) -> list[Link]:
        """Read the links of these ids that were not purged, in the order of the ids."""
        batch = Batch()
        found = [batch.get_field(self._all, one, Link) for one in ids]
        outcome = await self._scope.store.run(batch)
        links = [outcome.of(one) for one in found]
        return [one for one in links if one is not None]

    async def file(self, name: str) -> File | None:
        batch = Batch()
        found = batch.get_field(self._files, name, File)
        return (await self._scope.store.run(batch)).of(found)

    async def all(self) -> list[Link]:
        """List every link to a result that was not purged, oldest first."""
        batch = Batch()
        found = batch.fields(self._all, Link)
        return list((await self._scope.store.run(batch)).of(found).values())

    async def names(self) -> list[str]:
        """List the ids that were ever given out."""
        batch = Batch()
        rows = batch.items(self._given, str)
        return [name for row in (await self._scope.store.run(batch)).of(rows) for name in row.split()]

    async def change(self, link: Link) -> None:
        """Replace a link."""
        batch = self._scope.batch()
        batch.set_field(self._all, link.id, link)
        await self._scope.run_late(batch)

    async def purge(self, link: Link) -> None:
        """Purge a link."""
        batch = self._scope.batch()
        batch.delete_field(self._all, link.id)
        batch.delete(directory_key(link.id))
        await self._scope.run_late(batch)

    async def dead(self, now: float, made_before: float) -> list[str]:
        """List the uploads that only dead links lead to, at `now` by the account's clock, each once.

        The links stay known, so that they go on saying that they expired.
        From the oldest upload on to the first with a link that lives, or was given out after `made_before`, in
        real seconds: links die in the order in which they were given out, near enough, and a clock that was
        moved may be moved back.
        """
        batch = Batch()
        given, swept = batch.items(self._given, str), batch.count(self._swept)
        all_ = batch.fields(self._all, Link)
        outcome = await self._scope.store.run(batch)
        links, start = outcome.of(all_), outcome.of(swept) or 0
        gone: list[str] = []
        done = 0
        for row in outcome.of(given)[start:]:
            results = [links[name] for name in row.split() if name in links]
            if any(one.exp is None or now < one.exp or one.made > made_before for one in results):
                break
            gone += {source for one in results for source in one.sources}
            done += 1
        if done:
            batch = self._scope.batch()
            # Whoever swept meanwhile told the same ones.
            batch.expect(self._swept, start or None)
            batch.add(self._swept, done)
            outcome_ = await self._scope.run_late(batch)
            return gone if outcome_ is not None and outcome_.refusal is None else []
        return gone
