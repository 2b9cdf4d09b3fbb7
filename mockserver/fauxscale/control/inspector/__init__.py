"""The inspector: the page that shows calls and their pictures, and the routes it reads them from."""

from __future__ import annotations

import hashlib
import json
import math
from importlib.resources import files
from typing import cast

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fauxscale._version import __version__
from fauxscale.control.overview import Overview
from fauxscale.errors import ApiError
from fauxscale.images.renderer import SourceGone
from fauxscale.numbers import read_number
from fauxscale.operations.altered_results import leads_to
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry

PAGE = "/__fauxscale"
DATA = f"{PAGE}/api/inspector"
MOST_CALLS = 300
# Nothing but our own files, no frames, no inline script: names and prompts are strangers' text.
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
_TYPES = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}


class _Answer(Struct, frozen=True):
    """The list as it was at a mark of the overview."""

    mark: int
    body: bytes
    etag: str


class Inspector:
    """Routes of the page. The page's files are open to whoever may reach the server; its data is guarded
    like the rest of the control API, under whose prefix it lies."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._overview = Overview(accounts)
        self._answer: _Answer | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PAGE, _to_page),
            Route(f"{PAGE}/", _file),
            Route(f"{PAGE}/inspector/{{name}}", _file),
            Route(f"{DATA}/calls", self.calls),
            Route(f"{DATA}/calls/{{account}}/{{n}}", self.call),
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
        rows = [{"account": one.account, "label": one.label, **_outline(one.entry)} for one in page.rows]
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

    async def picture(self, request: Request) -> Response:
        """Serve one picture of a call: the one sent (`before`) or the first result (`after`)."""
        entry = await self._entry(request)
        data: bytes | None = None
        if entry is not None and request.path_params["side"] == "before":
            data = await self._before(entry)
        elif entry is not None:
            data = await self._after(entry)
        if data is None:
            return Response(status_code=404)
        from fauxscale.images.formats import MEDIA_TYPES, sniff

        kind = sniff(data)
        # Only pictures we judged are shown as such; anything else would be a stranger's markup.
        media_type = MEDIA_TYPES.get(kind or "", "application/octet-stream")
        return Response(data, media_type=media_type, headers={"x-content-type-options": "nosniff"})

    async def _entries(self, account_id: str) -> list[Entry]:
        account = await self._overview.find(account_id)
        return [] if account is None else await account.journal.entries()

    async def _entry(self, request: Request) -> Entry | None:
        wanted = request.path_params["n"]
        entries = await self._entries(request.path_params["account"])
        return next((entry for entry in entries if str(entry.n) == wanted), None)

    async def _before(self, entry: Entry) -> bytes | None:
        source = (entry.image or {}).get("source")
        return await self._accounts.store.get_blob(str(source)) if source else None

    async def _after(self, entry: Entry) -> bytes | None:
        for result in entry.results:
            link = await self._accounts.link(str(result["link"]))
            if link is None:
                return None
            account = await self._overview.find(link.account)
            if account is None:
                return None
            recipe, load = await leads_to(link, account)
            try:
                return await self._accounts.renderer.picture(recipe, load)
            except (ApiError, SourceGone):
                return None
        return None


def _started(row: dict[str, object]) -> float:
    return cast("float", row["started"])


def _outline(entry: Entry) -> dict[str, object]:
    image = entry.image or {}
    result = entry.results[0] if entry.results else {}
    return {
        "n": entry.n,
        "at": entry.at,
        "started": entry.started,
        "ended": entry.ended,
        "ms": round((entry.ended - entry.started) * 1000, 1),
        "kind": entry.kind,
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "faults": entry.faults,
        "reason": entry.reason,
        "cost": entry.cost,
        "before": [image["width"], image["height"]] if image else None,
        "after": [result["width"], result["height"]] if "width" in result else None,
        "pictured": bool(image.get("source")),
    }


async def _to_page(request: Request) -> Response:
    return RedirectResponse(f"{PAGE}/")


async def _file(request: Request) -> Response:
    """Read a file of the page by its fixed name: no name from outside is ever a path."""
    name = request.path_params.get("name", "index.html")
    if name not in _TYPES:
        return Response(status_code=404)
    text = files("fauxscale.control.inspector").joinpath(name).read_text(encoding="utf-8")
    headers = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Response(text, media_type=_TYPES[name], headers=headers)
