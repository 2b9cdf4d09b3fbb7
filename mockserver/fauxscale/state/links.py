"""The links an account gave out, and the files its clients stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from fauxscale.clock import wall

from .batch import Batch, Ref
from .files import File
from .link import Link
from .scope import Scope

_FILE = "file:"
MOST = 5_000
"""The number of links kept for an account: the oldest beyond it are purged."""


class Place(Struct, frozen=True):
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
        # The last link whose uploads this worker has deleted because it had expired.
        self._swept = ""

    def add_results(self, batch: Batch, results: Sequence[Link]) -> None:
        """Store the links to all results of one upload."""
        for one in results:
            batch.set_field(self._all, one.id, one if one.made else replace(one, made=wall()))
            self._enter(batch, one.id)

    def add_file(self, batch: Batch, file: File) -> None:
        batch.set_field(self._files, file.id, file)
        self._enter(batch, file_id(file.id))

    def add_reset(self, batch: Batch, names: Iterable[str]) -> None:
        """Delete all links and files, with the pictures behind them. `names` are their ids in the directory."""
        for group in ("links", "blobs"):
            batch.drop(self._scope.group(group))
        batch.delete(*map(directory_key, names))

    def _enter(self, batch: Batch, name: str) -> None:
        batch.put(directory_key(name), Place(self._scope.account, self._scope.generation))

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
        """List the ids of all links and files, as in the directory."""
        batch = Batch()
        links, files = batch.fields(self._all, Link), batch.fields(self._files, File)
        outcome = await self._scope.store.run(batch)
        return [*outcome.of(links), *(file_id(name) for name in outcome.of(files))]

    def add_change(self, batch: Batch, link: Link) -> None:
        """Replace a link."""
        batch.set_field(self._all, link.id, link)

    async def change(self, link: Link) -> None:
        """Replace a link."""
        batch = self._scope.batch()
        self.add_change(batch, link)
        await self._scope.run_late(batch)

    async def purge(self, link: Link) -> None:
        """Purge a link."""
        batch = self._scope.batch()
        self.add_purge(batch, [link])
        await self._scope.run_late(batch)

    def add_purge(self, batch: Batch, links: Sequence[Link]) -> None:
        """Purge links."""
        for one in links:
            batch.delete_field(self._all, one.id)
            batch.delete(directory_key(one.id))

    async def outlived(self, now: float, made_before: float) -> tuple[list[Link], list[str]]:
        """List the links beyond the MOST newest, oldest first, and the uploads that only those and expired links need,
        at `now` by the account's clock, each once.

        Expired links stay known, so that they still answer as expired. The search goes from the oldest to the first
        that lives, or was given out after `made_before`, in real seconds: links expire roughly in the order in
        which they were given out, and a moved clock may be moved back.
        """
        links = await self.all()
        over = max(0, len(links) - MOST)
        names = [one.id for one in links]
        start = max(over, names.index(self._swept) + 1 if self._swept in names else 0)
        at = start
        while at < len(links) and links[at].died(now) and links[at].made <= made_before:
            at += 1
        if at > start:
            self._swept = names[at - 1]
        gone = dict.fromkeys(source for one in (*links[:over], *links[start:at]) for source in one.sources)
        # The links to the results of one upload are next to each other.
        kept = {source for one in links[at : at + 1] for source in one.sources}
        return links[:over], [one for one in gone if one not in kept]
