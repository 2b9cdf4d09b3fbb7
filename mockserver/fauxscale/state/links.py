"""The links an account gave out and the files put there by its clients: listed, changed, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fauxscale.clock import wall

from .files import File
from .link import Link
from .store import Store

_FILE = "file:"


class Links:
    """What the links of one account lead to. The blobs behind them lie under the account's own prefix."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._names = f"{prefix}links"
        self._swept = f"{prefix}swept"

    async def keep(self, *results: Link) -> None:
        """Give out the links to all results of one upload."""
        made = wall()
        for one in results:
            await self._store.put(f"link:{one.id}", replace(one, made=made).to_json())
        await self._note(" ".join(one.id for one in results))

    async def keep_file(self, file: File) -> None:
        await self._store.put(f"link:{_FILE}{file.id}", file.to_json())
        await self._note(f"{_FILE}{file.id}")

    async def _note(self, names: str) -> None:
        await self._store.append(self._names, names.encode(), most=1_000_000, most_bytes=64 * 1024 * 1024)

    async def all(self) -> list[Link]:
        """Every link to a result that was not purged, oldest first."""
        rows = await self._store.items(self._names)
        return [one for row in rows if not _is_file(row) for one in await self._led_to(row)]

    async def _led_to(self, row: bytes) -> list[Link]:
        found = [await self._store.get(f"link:{name}") for name in row.decode().split()]
        return [Link.from_json(value) for value in found if value is not None]

    async def of(self, ids: Sequence[str]) -> list[Link]:
        """The links of these ids that were not purged."""
        return await self._led_to(" ".join(ids).encode())

    async def change(self, link: Link) -> None:
        """Have a link lead to this instead."""
        await self._store.put(f"link:{link.id}", link.to_json())

    async def purge(self, link: Link) -> None:
        """Have a link lead nowhere."""
        await self._store.delete(f"link:{link.id}")

    async def dead(self, now: float, made_before: float) -> list[str]:
        """The uploads that only dead links lead to, at `now` by the account's clock, told once; the links stay
        known, so that they go on saying that they expired.

        From the oldest upload on to the first with a link that lives, or was given out after `made_before`, in
        real seconds: links die in the order in which they were given out, near enough, and a clock that was
        moved may be moved back.
        """
        start = await self._store.count(self._swept) or 0
        gone: list[str] = []
        done = 0
        for row in (await self._store.items(self._names))[start:]:
            results = [] if _is_file(row) else await self._led_to(row)
            if any(one.exp is None or now < one.exp or one.made > made_before for one in results):
                break
            gone += {one.source for one in results}
            done += 1
        await self._store.add(self._swept, done)
        return gone

    async def forget(self) -> None:
        """Purge all links and files, with the pictures behind them."""
        rows = await self._store.items(self._names)
        names = [f"link:{name}" for row in rows for name in row.decode().split()]
        await self._store.delete(self._names, self._swept, *names)
        await self._store.clear(f"{self._prefix}blob:")


def _is_file(row: bytes) -> bool:
    return row.startswith(_FILE.encode())
