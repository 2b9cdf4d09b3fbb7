"""The calls of a server as one static page, an artifact of a CI run: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import cast

from fauxscale._version import __version__
from fauxscale.clock import give_way, iso, wall
from fauxscale.control.overview import Row
from fauxscale.dispatch.provider import Provider
from fauxscale.faults import from_json
from fauxscale.state.journal import Entry

from .pictures import Pictures
from .pytest_snippet import pytest_test

# Pictures that were sent are shown up to this many bytes each, and this many in total.
_MOST_PICTURE = 100_000
_MOST_PICTURES = 4_000_000
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d1b18; --ground: #fbfaf8; --card: #fff; --soft: #655f56; --line: #e4dfd7;
  --good: #17713f; --bad: #b3261e; --warn: #8a5700 }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9f1; --ground: #16151a; --card: #1f1e25; --soft: #a9a4b4;
  --line: #34323d; --good: #5fcf96; --bad: #ff8a80; --warn: #e6b45c } }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } a { color: inherit } .soft, th { color: var(--soft) }
.good { color: var(--good) } .bad { color: var(--bad) } .cut { color: var(--warn) }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .4rem 0; background: var(--card) }
summary { padding: .5rem .8rem; cursor: pointer; overflow-wrap: anywhere }
details > div { padding: 0 .8rem .8rem } b { font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; overflow-wrap: anywhere }
th { width: 10rem; font-weight: 400 } caption { text-align: left; color: var(--soft) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--ground); padding: .6rem; border-radius: .4rem }
img { max-width: 100%; max-height: 16rem; border-radius: .4rem }
"""


async def report(
    rows: list[Row], more: bool, pictures: Pictures, providers: Mapping[str, Provider], spent: int
) -> str:
    """Write the page of these calls, newest first; `more`: there were others before them. `spent` in micro-dollars."""
    refused = [row for row in rows if row.entry.status is None or row.entry.status >= 400]
    body: list[str] = []
    room = _MOST_PICTURES
    for row in reversed(rows):
        picture = await _picture(row.entry, pictures, room)
        room -= len(picture)
        body.append("".join(_call(row, picture, providers)))
        await give_way()
    newest = f"the newest {len(rows)}" if more else str(len(rows))
    summed = f"{newest} calls, {len(refused)} refused or cut, would have cost ${spent / 1_000_000:.2f}"
    links = "".join(f"<li>{_head(row, linked=True)}</li>" for row in reversed(refused))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="content-security-policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>fauxscale report</title><style>{_STYLE}</style></head><body><main>",
            f'<h1>fauxscale report</h1><p class="soft">{summed} · {iso(wall())} · {__version__}</p>',
            f"<h2>Refused or cut</h2><ul>{links}</ul>" if refused else "",
            "<h2>Calls</h2>",
            *body,
            "</main></body></html>",
            "",
        ]
    )


async def _picture(entry: Entry, pictures: Pictures, room: int) -> str:
    """The picture that was sent, as a data URI; "" for none, or one that is too large."""
    data = await pictures.sent(entry) if entry.image is not None else None
    if data is None or len(data) > _MOST_PICTURE or 2 * len(data) > room:
        return ""
    from fauxscale.images.formats import MEDIA_TYPES, sniff

    kind = MEDIA_TYPES.get(sniff(data) or "")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}" if kind else ""


def _head(row: Row, *, linked: bool = False) -> str:
    entry = row.entry
    tone = "cut" if entry.status is None else "good" if entry.status < 400 else "bad"
    name = f"<b>{escape(entry.operation)}</b>"
    where = escape(f"{row.account}-{entry.n}", quote=True)
    told = escape(", ".join([*entry.faults, *([entry.reason] if entry.reason else [])]))
    status = f'<b class="{tone}">{entry.status or "cut"}</b>'
    named = f'<a href="#{where}">{name}</a>' if linked else name
    return (
        f'{status} {named} {told} <span class="soft">{escape(row.label)} · {iso(entry.at, " ")[11:19]}</span>'
    )


def _call(row: Row, picture: str, providers: Mapping[str, Provider]) -> Iterator[str]:
    entry = row.entry
    where = escape(f"{row.account}-{entry.n}", quote=True)
    yield f'<details id="{where}"><summary>{_head(row)}</summary><div>'
    if picture:
        yield f'<p><img alt="picture sent" src="{picture}"></p>'
    took = f"{(entry.ended - entry.started) * 1000:.1f} ms"
    facts: list[tuple[str, object]] = [("request", f"{entry.method} {entry.path}"), ("took", took)]
    if entry.cost:
        facts.append(("cost", f"${entry.cost / 1_000_000:.2f}"))
    facts += [("fault", repr(from_json(one))) for one in entry.configured]
    yield _table("", facts)
    yield _table("Parameters", list(entry.params.items()))
    yield _table("Parts", [(str(part["name"]), {**part, "name": None}) for part in entry.parts])
    yield _table("Request headers", list(entry.request_headers))
    yield _table("Reply headers", list(entry.reply_headers))
    if entry.reply:
        yield f"<pre>{escape(entry.reply)}</pre>"
    if entry.kind == "api" and entry.provider:
        yield f'<p class="soft">As a test:</p><pre>{escape(pytest_test(entry, None, providers))}</pre>'
    yield "</div></details>"


def _table(caption: str, rows: list[tuple[str, object]]) -> str:
    lines = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(_text(value))}</td></tr>' for name, value in rows
    ]
    return f"<table><caption>{caption}</caption>{''.join(lines)}</table>" if lines else ""


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value).items()
        return ", ".join(f"{name} {one}" for name, one in members if one is not None)
    return value if isinstance(value, str) else json.dumps(value)
