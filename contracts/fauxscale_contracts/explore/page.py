"""Writes an exploration as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fauxscale_contracts.console.html import folded, page

from .finding import LEVELS, Exploration, ExploredCall
from .report import NAMES, summary

_STYLE = """
:root { --wrong: #b3261e; --look: #b97900; --fine: #2e8b57; --other: #9aa3ad }
@media (prefers-color-scheme: dark) { :root { --wrong: #ff8a80; --look: #f2c14e; --fine: #58b981; --other: #6c7580 } }
.legend span { margin-right: 1.2rem; white-space: nowrap }
.test { margin: 1rem 0 } .test > code { overflow-wrap: anywhere }
.row { display: flex; flex-wrap: wrap; gap: 3px; margin-top: .35rem }
.cell { width: 1.05rem; height: 1.05rem; border-radius: 3px; background: var(--other); display: inline-block }
.wrong { background: var(--wrong) } .look { background: var(--look) } .fine { background: var(--fine); opacity: .55 }
.legend .cell { width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -1px }
.level { font-weight: 650; margin-right: .5rem } .level.wrong { color: var(--wrong); background: none }
.level.look { color: var(--look); background: none }
pre { margin: 0; padding: .6rem .8rem; background: var(--soft); border-radius: 6px; overflow-x: auto;
  font-size: .85rem }
"""


def as_html(done: Exploration) -> str:
    """Write the page."""
    counts = done.counts
    legend = " ".join(
        f'<span><i class="cell {_kind(level)}"></i>{counts[level]} {escape(NAMES.get(level, level))}</span>'
        for level in LEVELS
        if counts[level]
    )
    body = [
        "<h1>Situations that the tests did not cover</h1>",
        f'<p class="dim">{escape(summary(done))}. Each square is a test run again in one situation.</p>',
        f'<p class="legend">{legend}</p>',
        *_grid(done),
    ]
    if done.told:
        body += ["<h2>Findings</h2>", *_findings(done)]
    if done.skipped or done.notes:
        body += ["<h2>Not explored</h2>", *(f"<p>{escape(one)}</p>" for one in done.notes)]
        body += [f"<p><code>{escape(test)}</code>: {escape(why)}</p>" for test, why in done.skipped.items()]
    return page(f"Exploration: {summary(done)}", _STYLE, body)


def _grid(done: Exploration) -> Iterator[str]:
    for test in dict.fromkeys(one.test for one in done.findings):
        cells = [
            f'<i class="cell {_kind(one.level)}" title="{escape(f"{one.situation}: {one.staged}: {one.level}")}"></i>'
            for one in done.findings
            if one.test == test
        ]
        yield f'<div class="test"><code>{escape(test)}</code><div class="row">{"".join(cells)}</div></div>'


def _findings(done: Exploration) -> Iterator[str]:
    for one in done.told:
        level = f'<span class="level {one.level}">{NAMES[one.level]}</span>'
        named = f"<code>{escape(one.situation.partition('@')[0])}</code>: {escape('; '.join(one.reasons))}"
        yield folded(level + named, _parts(one), opened=one.level == "wrong")


def _parts(one: ExploredCall) -> Iterator[tuple[str, str]]:
    yield "test", f"<code>{escape(one.test)}</code>"
    yield "situation", f"<code>{escape(one.situation)}</code>"
    yield "staged", escape(one.staged)
    yield "timeline", f"<pre>{escape(chr(10).join(one.timeline))}</pre>"
    yield "what to do", escape(one.advice)
    if one.more:
        yield "more", f"<code>{escape(one.more)}</code>"
    if one.kept:
        yield "regression test", f"<pre>{escape(one.kept.strip())}</pre>"


def _kind(level: str) -> str:
    return level if level in ("wrong", "look", "fine") else "other"
