"""The server-sent events that keep an open page up to date.

A page costs nothing while nobody has it open. Each stream asks the store a few times a second which accounts were
written to, by other workers too, and reads only those. Nothing is kept for a slow reader: it gets what is new when
it reads on.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from msgspec import to_builtins
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fauxscale._version import __version__
from fauxscale.clock import stopwatch
from fauxscale.control.overview import Overview
from fauxscale.dispatch.request_body import gone
from fauxscale.state.accounts import Accounts
from fauxscale.state.store import StoreUnavailable

from .rows import outline

# WHATWG HTML, 9.2 Server-sent events (read 2026-11).
MEDIA_TYPE = "text/event-stream"
LOOK_SECONDS = 0.2
_BEAT = 75  # checks after which something is sent, so that a peer that has left is noticed
_MOST_NEW = 200
_MOST_ARMED = 20
_MOST_NAMED = 50
# A call is stored a moment after it ended, so calls may be stored in another order than they ended.
_LATE = 5.0
_MOST_SEEN = 10_000
Members = dict[str, object]


class News:
    """What one page was sent, and what is new for it."""

    def __init__(self, accounts: Accounts, overview: Overview, most: int) -> None:
        self._accounts = accounts
        self._overview = overview
        self._most = most
        self._mark: int | None = None
        self._last = 0.0
        self._total = 0
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()

    async def next(self) -> Members | None:
        """Return what has happened since the last time, None for nothing.

        `calls` are rows, newest first: the new ones, or if `fresh` is true the newest of all, which replace the
        earlier ones. `accounts` are the ids of those that changed, null for any.
        """
        changes = await self._accounts.store.changes(self._mark)
        if changes.mark == self._mark:
            return None
        self._mark = changes.mark
        await self._overview.update()
        total, shrunk = self._overview.calls, self._overview.calls < self._total
        self._total = total
        rows = None if changes.accounts is None or shrunk else await self._new()
        named = changes.accounts
        told: Members = {
            "fresh": rows is None,
            "accounts": None if named is None or len(named) > _MOST_NAMED else list(named),
            "total": total,
            "spent": self._overview.spent,
            **self._armed(),
        }
        return told | (await self._all() if rows is None else {"calls": rows})

    async def _new(self) -> list[Members] | None:
        """The calls that were not sent yet; None if they are too many to send one by one."""
        page = await self._overview.newest(_MOST_NEW, after=self._last - _LATE)
        new = [row for row in page.rows if (row.account, row.entry.n) not in self._seen]
        if len(new) == _MOST_NEW:
            return None
        return [self._told(row.account, row.entry.n, row.entry.ended, outline(row)) for row in new]

    async def _all(self) -> Members:
        page = await self._overview.newest(self._most)
        self._seen.clear()
        self._last = 0.0
        return {
            "version": __version__,
            "any_key": not self._accounts.settings.issued_only,
            "calls": [
                self._told(row.account, row.entry.n, row.entry.ended, outline(row)) for row in page.rows
            ],
            "oldest": page.rows[-1].entry.ended if page.more else None,
        }

    def _told(self, account: str, n: int, ended: float, row: Members) -> Members:
        self._seen[account, n] = None
        self._last = max(self._last, ended)
        while len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return row

    def _armed(self) -> Members:
        shown, count = self._overview.armed(_MOST_ARMED)
        return {
            "armed": [
                {"account": name, "label": label, **to_builtins(armed)} for name, label, armed in shown
            ],
            "armed_accounts": count,
        }


class EventStream(Response):
    """A response that lasts as long as the page is open: an event whenever `news` has something. `count` is called with
    1 when it begins and -1 when it ends."""

    def __init__(
        self, news: Callable[[], Awaitable[Mapping[str, object] | None]], count: Callable[[int], None]
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._news = news
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        left = asyncio.ensure_future(gone(scope, receive))
        quiet = 0
        self._count(1)
        try:
            while not left.done():
                begun = stopwatch()
                try:
                    told = await self._news()
                except StoreUnavailable:
                    break  # the page asks again, and gets the reason
                quiet = 0 if told is not None else quiet + 1
                if told is not None:
                    await _send(send, f"data: {json.dumps(told)}\n\n")
                elif quiet % _BEAT == 0:
                    await _send(send, ":\n\n")
                # Under load there is much to send: other calls still get four fifths of the time.
                await asyncio.wait([left], timeout=max(LOOK_SECONDS, 4 * (stopwatch() - begun)))
        finally:
            left.cancel()
            self._count(-1)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
