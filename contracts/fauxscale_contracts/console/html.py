"""Writes a report as one static HTML page, an artifact of a CI run: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_STYLE = """
:root { color-scheme: light dark; --fg: #1c2024; --bg: #fff; --soft: #f3f4f6; --line: #d9dce1; --dim: #5b636d }
@media (prefers-color-scheme: dark) { :root { --fg: #e8eaed; --bg: #15181c; --soft: #1f242a; --line: #363d46;
  --dim: #a2abb5 } }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.6rem } h2 { margin: 2.2rem 0 .4rem; font-size: 1.15rem; overflow-wrap: anywhere }
p { margin: .3rem 0 } .dim { color: var(--dim) }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: 6px; min-width: 0 }
summary { padding: .5rem .8rem; cursor: pointer; background: var(--soft); border-radius: 6px; overflow-wrap: anywhere }
details[open] > summary { border-bottom: 1px solid var(--line); border-radius: 6px 6px 0 0 }
dl { margin: .8rem; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1rem }
dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
"""


def page(title: str, style: str, body: Iterable[str]) -> str:
    """Write the page; `style` is added to the shared one, and `body` is HTML already."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body><main>",
            *body,
            "</main></body></html>",
            "",
        ]
    )


def folded(summary: str, pairs: Iterable[tuple[str, str]], *, opened: bool) -> str:
    """Write a section that can be unfolded: a title and its content, both HTML already."""
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs)
    return f"<details{' open' if opened else ''}><summary>{summary}</summary><dl>{listed}</dl></details>"
