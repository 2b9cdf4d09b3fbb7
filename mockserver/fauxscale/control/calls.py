"""Control API routes for calls: list, wait for, read one, read its pictures."""

from __future__ import annotations

import asyncio
import json
from fnmatch import fnmatchcase

from starlette.responses import Response

from fauxscale.clock import stopwatch
from fauxscale.dispatch.request_body import gone
from fauxscale.images.renderer import SourceGone
from fauxscale.numbers import read_number
from fauxscale.operations.altered_results import leads_to
from fauxscale.spelling import choose_from
from fauxscale.state.journal import Entry

from .request import Ask, ControlRoute, Missing

_FILTERS = ("kind", "provider", "operation", "status", "fault", "rule")
_LONGEST = 300.0


async def find(ask: Ask) -> object:
    """List the calls that match every filter of the query, oldest first; with `wait`, once so many match.

    `enough` is false if `timeout` seconds (5) went by first. Of more than 200 that wait, the last is refused (503).
    """
    query = dict(ask.request.query_params)
    least, patience = _count(query.pop("wait", "0")), _seconds(query.pop("timeout", "5"))
    if unknown := sorted(set(query) - set(_FILTERS)):
        known = (*_FILTERS, "wait", "timeout")
        raise ValueError(f"unknown filter {unknown[0]!r}{choose_from(unknown[0], known)}")
    found = await _matching(ask, query)
    if len(found) < least and patience > 0:
        with ask.waiters.one_more():
            found = await _awaited(ask, query, least, patience)
    return {"calls": [_entry_json(entry) for entry in found], "enough": len(found) >= least}


async def _awaited(ask: Ask, query: dict[str, str], least: int, patience: float) -> list[Entry]:
    """The calls that match once there are enough, the client has left, or the time is over."""
    until = stopwatch() + min(patience, _LONGEST)
    left_alone = asyncio.ensure_future(gone(ask.request.scope, ask.request.receive))
    try:
        while True:
            # Requested before the journal is read, so that a call written in between is not missed.
            change = await ask.account.store.changed(ask.account.id)
            try:
                found = await _matching(ask, query)
                left = until - stopwatch()
                if len(found) >= least or left <= 0 or left_alone.done():
                    return found
                await asyncio.wait([change, left_alone], timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
    finally:
        left_alone.cancel()


async def _matching(ask: Ask, query: dict[str, str]) -> list[Entry]:
    return [entry for entry in await ask.account.journal.entries() if _matches(entry, query)]


def _count(text: str) -> int:
    # That many never come, but Python does not read more digits as a number.
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f"wait must be a number of calls such as 2, got {text[:40]!r}")
    return int(text)


def _seconds(text: str) -> float:
    seconds = read_number(text)
    if seconds is None or seconds < 0:
        raise ValueError(f"timeout must be a number of seconds, 0 or more, got {text[:40]!r}")
    return seconds


def _matches(entry: Entry, query: dict[str, str]) -> bool:
    for name, wanted in query.items():
        if name == "fault":
            if wanted not in entry.faults:
                return False
        elif name == "operation":
            if not fnmatchcase(entry.operation, wanted):
                return False
        elif str(getattr(entry, name)) != wanted:
            return False
    return True


def _entry_json(entry: Entry) -> object:
    return json.loads(entry.to_json())


async def _entry(ask: Ask) -> Entry:
    for entry in await ask.account.journal.entries():
        if entry.id == ask.part("call"):
            return entry
    raise Missing(f"{ask.account.id} has no call {ask.part('call')!r} in its journal")


async def read(ask: Ask) -> object:
    """Read one call with everything recorded about it."""
    return _entry_json(await _entry(ask))


async def upload(ask: Ask) -> Response:
    """Read the picture that a call sent, byte for byte."""
    entry = await _entry(ask)
    data = await ask.account.store.get_blob(str((entry.image or {}).get("source", "")))
    if data is None or entry.image is None:
        raise Missing(f"{entry.id} sent no picture, or it was purged")
    return _picture(data, str(entry.image["format"]))


async def result(ask: Ask) -> Response:
    """Read a result of a call as its link shows it; `number` counts from 0."""
    entry, number = await _entry(ask), ask.part("number")
    if not number.isdecimal() or int(number) >= len(entry.results):
        raise Missing(
            f"{entry.id} has {len(entry.results)} result(s), counted from 0; there is no {number!r}"
        )
    link = await ask.accounts.link(str(entry.results[int(number)]["link"]))
    if link is None:
        raise Missing("the result was purged")
    recipe, load = await leads_to(link, ask.account)
    try:
        return _picture(await ask.accounts.renderer.picture(recipe, load), recipe.format)
    except SourceGone:
        raise Missing("the picture behind the result was purged") from None


def _picture(data: bytes, format: str) -> Response:  # noqa: A002  # its name
    from fauxscale.images.formats import MEDIA_TYPES

    headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Response(data, media_type=MEDIA_TYPES[format], headers=headers)


ROUTES = (
    ControlRoute("GET", "/accounts/{id}/calls", find),
    ControlRoute("GET", "/accounts/{id}/calls/{call}", read),
    ControlRoute("GET", "/accounts/{id}/calls/{call}/upload", upload),
    ControlRoute("GET", "/accounts/{id}/calls/{call}/results/{number}", result),
)
