"""Writes a gate as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fauxscale_contracts.console.html import folded, page

from .finding import LEVELS, Gate, GateFinding, Part
from .report import counted

_STYLE = """
:root { --fail: #b3261e; --warn: #8a5a00; --note: #3b5b92; --pass: #1d6b3a }
@media (prefers-color-scheme: dark) { :root { --fail: #ff8a80; --warn: #f2c14e; --note: #9ab8f0; --pass: #7ddc9a } }
.verdict { font-weight: 650 } .PASS { color: var(--pass) } .FAIL, .fail { color: var(--fail) }
.NO, .warn { color: var(--warn) } .note { color: var(--note) }
table { border-collapse: collapse; width: 100%; margin: 1.2rem 0 }
th, td { text-align: left; padding: .45rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-size: .85rem; color: var(--dim); font-weight: 500 }
td:first-child { white-space: nowrap }
.level { font-weight: 650; margin-right: .4rem }
dd { white-space: pre-wrap } code { font-size: .92em }
"""


def as_html(gate: Gate, made: str) -> str:
    """Write the page; `made` says when and with what."""
    body = [
        f'<h1>Contract gate: <span class="verdict {gate.verdict}">{gate.verdict}</span></h1>',
        f'<p class="dim">{escape(counted(gate))} · {escape(made)}</p>',
        "<table><thead><tr><th>verdict</th><th>report</th><th>result</th></tr></thead><tbody>",
        *map(_row, enumerate(gate.parts)),
        "</tbody></table>",
    ]
    for number, part in enumerate(gate.parts):
        if part.findings:
            body += [f'<h2 id="part-{number}">{escape(part.name)}</h2>', *_findings(part)]
    return page(f"Contract gate: {gate.verdict}", _STYLE, body)


def _row(numbered: tuple[int, Part]) -> str:
    number, part = numbered
    name = f'<a href="#part-{number}">{escape(part.name)}</a>' if part.findings else escape(part.name)
    told = f"{escape(part.summary)}<br>{escape(part.trouble)}" if part.trouble else escape(part.summary)
    return f'<tr><td class="verdict {part.verdict}">{part.verdict}</td><td>{name}</td><td>{told}</td></tr>'


def _findings(part: Part) -> Iterator[str]:
    """The findings, the most serious first; failing ones unfolded."""
    for one in sorted(part.findings, key=lambda one: LEVELS.index(one.level)):
        level = f'<span class="level {one.level}">{one.level}</span>'
        pairs = [(escape(name), escape(text)) for name, text in (("id", one.id), *one.details, *_advice(one))]
        yield folded(level + escape(one.title), pairs, opened=one.level == "fail")


def _advice(finding: GateFinding) -> Iterator[tuple[str, str]]:
    if finding.advice:
        yield "what to do", finding.advice
    if finding.more:
        yield "more", finding.more
