"""The links an account gave out and the files put there by its clients: listed, changed, forgotten."""

from __future__ import annotations

from .files import File
from .renditions import Rendition
from .store import Store

_FILE = "file:"


class Links:
    """What the links of one account lead to. The blobs behind them lie under the account's own prefix."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._names = f"{prefix}links"
        self._swept = f"{prefix}swept"

    async def keep(self, rendition: Rendition) -> None:
        await self._keep(rendition.id, rendition.to_json())

    async def keep_file(self, file: File) -> None:
        await self._keep(f"{_FILE}{file.id}", file.to_json())

    async def _keep(self, name: str, value: bytes) -> None:
        await self._store.put(f"link:{name}", value)
        await self._store.append(self._names, name.encode(), most=1_000_000, most_bytes=64 * 1024 * 1024)

    async def all(self) -> list[Rendition]:
        """Every link to a result that was not purged, oldest first."""
        names = [row.decode() for row in await self._store.items(self._names)]
        rows = [await self._store.get(f"link:{name}") for name in names if not name.startswith(_FILE)]
        return [Rendition.from_json(row) for row in rows if row is not None]

    async def change(self, rendition: Rendition) -> None:
        """Have a link lead to this instead."""
        await self._store.put(f"link:{rendition.id}", rendition.to_json())

    async def purge(self, rendition: Rendition) -> None:
        """Have a link lead nowhere."""
        await self._store.delete(f"link:{rendition.id}")

    async def sweep(self, now: float) -> int:
        """Let go of uploads that only dead links lead to, at `now` by the account's clock; returns how many.

        From the oldest link on to the first that lives, each looked at once: they die in the order in which
        they were given out, near enough.
        """
        start = await self._store.count(self._swept) or 0
        gone: set[str] = set()
        done = 0
        for row in (await self._store.items(self._names))[start:]:
            value = None if row.startswith(_FILE.encode()) else await self._store.get(f"link:{row.decode()}")
            if value is not None:
                rendition = Rendition.from_json(value)
                if now < rendition.exp:
                    break
                # The link itself stays known, so that it goes on saying that it expired.
                gone.add(rendition.source)
            done += 1
        await self._store.add(self._swept, done)
        await self._store.delete(*gone)
        return len(gone)

    async def forget(self) -> None:
        """Purge all links and files, with the pictures behind them."""
        names = [f"link:{row.decode()}" for row in await self._store.items(self._names)]
        await self._store.delete(self._names, self._swept, *names)
        await self._store.clear(f"{self._prefix}blob:")
