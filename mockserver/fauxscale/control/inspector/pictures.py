"""The pictures of a call: those sent, those returned, and whether alpha, profile and orientation were kept."""

from __future__ import annotations

from msgspec import to_builtins

from fauxscale.errors import ApiError
from fauxscale.images.renderer import SourceGone
from fauxscale.images.structure import Rules
from fauxscale.operations.altered_results import leads_to
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry
from fauxscale.state.link import Link

THUMBNAIL = 96  # pixels square: twice what the page shows, for dense screens
# Uploads were checked when they arrived, so no limit applies here.
_OURS = Rules(decode_up_to=0)


class Pictures:
    """Finds the pictures of calls. None of it counts as a read of a link."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def sent(self, entry: Entry) -> bytes | None:
        """The picture that was sent, or for a read link the picture it was made from; None if it is gone."""
        source = (entry.image or {}).get("source")
        if source is None:
            for link in await self._links(entry):
                source = link.sources[0] if link.sources else None
        return await self._accounts.store.get_blob(str(source)) if source else None

    async def thumbnail(self, entry: Entry) -> bytes | None:
        """The middle of the picture that was sent, as a small WebP; None if it is gone."""
        data = await self.sent(entry)
        if data is None:
            return None
        from fauxscale.images.compositing import (
            covering,
        )  # Pillow: loaded with the first picture
        from fauxscale.images.memory import memory_to_read
        from fauxscale.images.render import encode, read

        def make() -> bytes:
            return encode(covering(read(data), (THUMBNAIL, THUMBNAIL)), "WEBP")

        try:
            picture = await self._accounts.probes.judge(data, _OURS)
            return await self._accounts.renderer.measure(memory_to_read(picture), make)
        except ApiError:
            return None

    async def made(self, entry: Entry) -> bytes | None:
        """The first result as its link shows it, made now if nobody has read it yet."""
        for link in await self._links(entry):
            account = await self._account(link)
            if account is None:
                return None
            recipe, load = await leads_to(link, account)
            try:
                return await self._accounts.renderer.picture(recipe, load)
            except (ApiError, SourceGone):
                return None
        return None

    async def facts(self, entry: Entry) -> dict[str, object]:
        """Both pictures' facts by their bytes, `before` and `after`; null for one that cannot be read."""
        return {
            "before": await self._about(await self.sent(entry)),
            "after": await self._about(await self.made(entry)),
        }

    async def _about(self, data: bytes | None) -> object:
        if data is None:
            return None
        try:
            picture = await self._accounts.probes.judge(data, _OURS)
        except ApiError:
            return None
        return {**to_builtins(picture), "bytes": len(data)}

    async def _account(self, link: Link) -> Account | None:
        return await self._accounts.get(link.account)

    async def _links(self, entry: Entry) -> list[Link]:
        found = [await self._accounts.link(str(result["link"])) for result in entry.results[:1]]
        return [link for link in found if link is not None]
