"""The inspector: the page that shows calls and their pictures, and its routes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import cast

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fauxscale._version import __version__
from fauxscale.control.overview import Overview
from fauxscale.dispatch.provider import Provider
from fauxscale.numbers import read_number
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry

from .asked import filled
from .events import EventStream, News
from .pictures import Pictures
from .rows import outline
from .snippets import snippets
from .story import origin, story

PAGE = "/__fauxscale"
DATA = f"{PAGE}/api/inspector"
MOST_CALLS = 300
# Only our own files, no frames, no inline script: names and prompts are strangers' text.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
# Every file of the page by its address, and its place in the package.
_FILES = {
    name.rpartition("/")[2]: name
    for name in (
        "index.html", "icon.svg", "style.css", "bench.css",
        "app.js", "armed.js", "ask.js", "break_it.js", "call.js", "compare.js", "fault_form.js", "filter.js", "help.js",
        "list.js", "money.js", "news.js", "notices.js", "parts.js", "places.js", "words.js",
        "vendor/preact.js", "vendor/hooks.js", "vendor/htm.js",
    )
}  # fmt: skip
_MOST_PAGES = 50
_MOST_ACCOUNTS = 100
_MOST_REPORTED = 2_000


class _Answer(Struct, frozen=True):
    """The list at a mark of the overview."""

    mark: int
    body: bytes
    etag: str


class Inspector:
    """Routes of the page. Everyone who can reach the server may read the page's files; its data is guarded like the
    rest of the control API, under whose prefix it is."""

    def __init__(self, accounts: Accounts, providers: Mapping[str, Provider]) -> None:
        self._accounts = accounts
        self._providers = providers
        self._overview = Overview(accounts)
        self._pictures = Pictures(accounts)
        self._answer: _Answer | None = None
        self._pages = 0

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PAGE, _to_page),
            Route(f"{PAGE}/", _file),
            Route(f"{PAGE}/inspector/{{name}}", _file),
            Route(f"{DATA}/calls", self.calls),
            Route(f"{DATA}/events", self.events),
            Route(f"{DATA}/money", self.money),
            Route(f"{DATA}/report", self.report),
            Route(f"{DATA}/calls/{{account}}/{{n}}", self.call),
            Route(f"{DATA}/calls/{{account}}/{{n}}/story", self.story),
            Route(f"{DATA}/calls/{{account}}/{{n}}/pictures", self.facts),
            Route(f"{DATA}/pictures/{{account}}/{{n}}/{{side}}", self.picture),
        ]

    async def calls(self, request: Request) -> Response:
        """List the newest calls of all accounts, newest first, in outline; 304 when nothing has happened since.

        With `before`, the `oldest` of an earlier answer, those that came before them.
        """
        before = math.inf
        if (asked := request.query_params.get("before")) is not None:
            number = read_number(asked)
            if number is None:
                return JSONResponse(
                    {"error": "before must be a number, the `oldest` of an earlier answer"}, 400
                )
            before = number
        mark = await self._overview.update()
        answer = self._answer
        if before != math.inf or answer is None or answer.mark != mark:
            answer = await self._listed(mark, before)
        if before == math.inf:
            self._answer = answer
        headers = {"etag": answer.etag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == answer.etag:
            return Response(status_code=304, headers=headers)
        return Response(answer.body, headers=headers, media_type="application/json")

    async def _listed(self, mark: int, before: float) -> _Answer:
        page = await self._overview.newest(MOST_CALLS, before)
        rows = [outline(one) for one in page.rows]
        rows.sort(key=_started, reverse=True)
        news = {
            "version": __version__,
            "any_key": not self._accounts.settings.issued_only,
            "spent": self._overview.spent,
            "total": self._overview.calls,
            "calls": rows,
            "oldest": page.rows[-1].entry.ended if page.more else None,
        }
        body = json.dumps(news).encode()
        return _Answer(mark, body, f'"{hashlib.sha256(body).hexdigest()[:24]}"')

    async def call(self, request: Request) -> Response:
        entry = await self._entry(request)
        if entry is None:
            return Response(status_code=404)
        return Response(entry.to_json(), media_type="application/json")

    async def events(self, request: Request) -> Response:
        """Tell what is new, as server-sent events, until the page is closed: see `events.News`."""
        if self._pages >= _MOST_PAGES:
            message = f"too many pages are open ({_MOST_PAGES}); close one"
            return JSONResponse({"error": message}, 503, {"retry-after": "5"})
        return EventStream(News(self._accounts, self._overview, MOST_CALLS).next, self._count)

    def _count(self, one: int) -> None:
        self._pages += one

    async def money(self, request: Request) -> Response:
        """Tell what each account has spent, those that spent most first."""
        await self._overview.update()
        shown, more = self._overview.spenders(_MOST_ACCOUNTS)
        rows = [
            {"id": one.account, "label": one.label, "calls": one.calls, "spent": one.spent} for one in shown
        ]
        return JSONResponse({"accounts": rows, "more": more})

    async def report(self, request: Request) -> Response:
        """Write the newest calls as one static page, to be kept."""
        from .report import POLICY as REPORT_POLICY  # seldom wanted
        from .report import report

        await self._overview.update()
        page = await self._overview.newest(_MOST_REPORTED)
        text = await report(page.rows, page.more, self._pictures, self._providers, self._overview.spent)
        headers = {
            "content-disposition": 'attachment; filename="fauxscale.html"',
            "content-security-policy": f"{REPORT_POLICY}; sandbox",
            "x-content-type-options": "nosniff",
        }
        return Response(text, media_type="text/html", headers=headers)

    async def story(self, request: Request) -> Response:
        """Tell what came of a call, and show it as code to paste."""
        entry, account = await self._entry(request), await self._account(request)
        if entry is None or account is None:
            return Response(status_code=404)
        entries = await account.journal.entries()
        gave = origin(entry, entries) if entry.kind == "download" else None
        server = f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
        code = snippets(filled(entry, entries), gave, self._providers, server)
        return JSONResponse({**await story(entry, account), "copies": code})

    async def facts(self, request: Request) -> Response:
        """Tell what the picture sent and its result are by their bytes."""
        entry = await self._entry(request)
        return Response(status_code=404) if entry is None else JSONResponse(await self._pictures.facts(entry))

    async def picture(self, request: Request) -> Response:
        """Serve one picture of a call: the one sent (`before`), small (`thumbnail`), or the first result (`after`)."""
        entry = await self._entry(request)
        kinds = {
            "before": self._pictures.sent,
            "thumbnail": self._pictures.thumbnail,
            "after": self._pictures.made,
        }
        find = kinds.get(request.path_params["side"])
        data = None if entry is None or find is None else await find(entry)
        if data is None:
            return Response(status_code=404)
        from fauxscale.images.formats import MEDIA_TYPES, sniff

        kind = sniff(data)
        # Only pictures we judged are served as pictures; anything else would be a stranger's markup.
        media_type = MEDIA_TYPES.get(kind or "", "application/octet-stream")
        return Response(data, media_type=media_type, headers={"x-content-type-options": "nosniff"})

    async def _account(self, request: Request) -> Account | None:
        return await self._overview.find(request.path_params["account"])

    async def _entry(self, request: Request) -> Entry | None:
        account, wanted = await self._account(request), request.path_params["n"]
        entries = [] if account is None else await account.journal.entries()
        return next((entry for entry in entries if str(entry.n) == wanted), None)


def _started(row: dict[str, object]) -> float:
    return cast("float", row["started"])


async def _to_page(request: Request) -> Response:
    return RedirectResponse(f"{PAGE}/")


async def _file(request: Request) -> Response:
    """Read a file of the page by its fixed name: no name from outside is ever a path."""
    name = request.path_params.get("name", "index.html")
    if name not in _FILES:
        return Response(status_code=404)
    text = files("fauxscale.control.inspector").joinpath(_FILES[name]).read_text(encoding="utf-8")
    headers = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Response(text, media_type=_TYPES[name.rpartition(".")[2]], headers=headers)
