"""Writes coverage as one static HTML page: the costliest gaps first, each with the test that closes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from fauxscale_contracts.conform.advice import more_about, topic_of
from fauxscale_contracts.conform.stakes import STAKES, TITLES, Stake
from fauxscale_contracts.console.html import page

from .coverage import Coverage, ListCoverage, OperationCoverage, Situation
from .places import KINDS
from .text import PLURAL, by_tests, closing_test, counts

_NAMED = 8
_STYLE = """
:root { --bg: #fafbfc; --card: #fff; --met: #1d6b3a; --met-bg: #e9f6ee; --gap: #9a3412; --gap-bg: #fff1e8;
  --unknown-bg: #f1f3f5; --code: #f3f5f7 }
@media (prefers-color-scheme: dark) { :root { --bg: #14171b; --card: #1b1f24; --met: #7ddc9a; --met-bg: #16301f;
  --gap: #ffb088; --gap-bg: #3a2317; --unknown-bg: #23282e; --code: #12151a } }
* { box-sizing: border-box }
body { max-width: 74rem; font-size: 15px }
h2 { margin: 2.6rem 0 .2rem; font-size: 1.3rem }
h3 { margin: 1.5rem 0 .5rem; font-size: .98rem; display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap }
.count { color: var(--dim); font-weight: 500; font-size: .9rem }
header { display: flex; gap: 1.4rem; align-items: center; flex-wrap: wrap }
.ring { width: 6rem; height: 6rem; border-radius: 50%; display: grid; place-items: center; flex: none;
  background: conic-gradient(var(--met) calc(var(--share) * 1%), var(--line) 0) }
.ring span { width: 4.6rem; height: 4.6rem; border-radius: 50%; background: var(--bg); display: grid;
  place-items: center; font-size: 1.35rem; font-weight: 650 }
.bar { height: .5rem; border-radius: 1rem; background: var(--line); overflow: hidden; max-width: 30rem;
  margin: .5rem 0 }
.bar i { display: block; height: 100%; background: var(--met) }
.grid { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)) }
details { margin: 0; border-left-width: 4px; border-radius: 8px; background: var(--card) }
details.met { border-left-color: var(--met) } details.gap { border-left-color: var(--gap) }
details[open] { grid-column: 1 / -1 }
summary { padding: .5rem .7rem; list-style: none; border-radius: 0 7px 7px 0; height: 100% }
summary::-webkit-details-marker { display: none }
details[open] > summary { height: auto; border-radius: 0 7px 0 0 }
.met > summary { background: var(--met-bg) } .gap > summary { background: var(--gap-bg) }
.unknown > summary { background: var(--unknown-bg) }
summary b { display: flex; justify-content: space-between; gap: .6rem; font-weight: 600; overflow-wrap: anywhere }
summary b i { font-style: normal; font-weight: 600; font-size: .8rem; white-space: nowrap }
.met b i { color: var(--met) } .gap b i { color: var(--gap) } .unknown b i { color: var(--dim) }
summary small { color: var(--dim); font-size: .85rem; line-height: 1.35; display: block }
.inside { padding: .7rem .9rem 1rem }
pre { margin: .6rem 0; padding: .8rem 1rem; background: var(--code); border: 1px solid var(--line); border-radius: 8px;
  overflow-x: auto; font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, monospace }
ul { margin: .4rem 0; padding-left: 1.2rem } code { font: .92em ui-monospace, SFMono-Regular, Menlo, monospace }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; margin: .3rem 0 .9rem }
.chips span { border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; font-size: .83rem;
  background: var(--card); color: var(--dim); overflow-wrap: anywhere; min-width: 0 }
.chips span.met { background: var(--met-bg); color: var(--met); border-color: transparent }
.kind { font-size: .85rem; color: var(--dim); margin: .6rem 0 .2rem }
.contract { padding: .2rem 1rem .4rem; margin: .6rem 0; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card) }
"""


def as_html(coverage: Coverage, made: str) -> str:
    """Write the page; `made` says when and with what."""
    lists = coverage.lists
    met, total = sum(one.met for one in lists), sum(one.total for one in lists)
    share = int(coverage.share) if lists else 0  # rounded down: 100 % is all of them
    body = [
        f'<header><div class="ring" style="--share: {share}" role="img" aria-label="{share} percent">'
        f"<span>{share}&#8202;%</span></div><div><h1>Situation coverage</h1>",
        f"<p>{met} of {total} situations that a client must survive occurred in these tests.</p>",
        f'<p class="dim">{escape(made)}. What costs money comes first. Open a gap to see the test that closes it.</p>',
        "</div></header>",
    ]
    for one in lists:
        body += _list(one, opened=one is lists[0])
    if coverage.operations:
        body.append("<h2>Contracts</h2>")
        body.append('<p class="dim">What the recorded contract has for each operation that was called.</p>')
    for operation in coverage.operations:
        body += _operation(operation)
    return page(f"Situation coverage: {met} of {total}", _STYLE, body)


def _list(of: ListCoverage, *, opened: bool) -> Iterator[str]:
    """One list; if `opened`, with its costliest gap unfolded as an example."""
    share = 100 * of.met / of.total if of.total else 100
    yield f'<h2>{escape(of.title)} <span class="count">{of.met} of {of.total} met</span></h2>'
    yield f'<div class="bar"><i style="width: {share:.1f}%"></i></div>'
    for stake in STAKES:
        found = [one for one in of.situations if one.stake == stake]
        if found:
            yield from _stake(stake, found, of.gaps[:1] if opened else ())


def _stake(stake: Stake, found: list[Situation], opened: Sequence[Situation]) -> Iterator[str]:
    met, total = sum(bool(one.met_by) for one in found), sum(not one.unknown for one in found)
    yield f'<h3>{escape(TITLES[stake])} <span class="count">{met} of {total}</span></h3><div class="grid">'
    # Within the same stakes: missing ones first.
    for one in sorted(found, key=lambda one: (bool(one.met_by), bool(one.unknown))):
        yield from _situation(one, " open" if one in opened else "")
    yield "</div>"


def _situation(one: Situation, opened: str) -> Iterator[str]:
    kind = "met" if one.met_by else "unknown" if one.unknown else "gap"
    mark = {"met": "✓ met", "unknown": "cannot be told", "gap": "not met"}[kind]
    about = escape(one.scenario.about)
    yield f'<details class="{kind}"{opened}><summary><b>{escape(one.scenario.id)}<i>{mark}</i></b>'
    yield f'<small>{about}</small></summary><div class="inside">'
    if one.met_by:
        named = "".join(f"<li><code>{escape(test)}</code></li>" for test in one.met_by[:_NAMED])
        more = f"<li>and {len(one.met_by) - _NAMED} more</li>" if len(one.met_by) > _NAMED else ""
        yield f"<p>Met by</p><ul>{named}{more}</ul>"
    else:
        topic = topic_of(one.scenario.id)
        if one.unknown:
            yield f"<p>{escape(one.unknown.capitalize())}.</p>"
        yield f"<p>A client {escape(str(one.scenario.expect))}.</p>"
        code = "\n".join(closing_test(one.scenario))
        yield f"<pre><code>{escape(code)}</code></pre>"
        yield f"<p>{escape(topic.advice)}</p>"
        yield f'<p class="dim">More: <code>{escape(more_about(one.scenario.id))}</code></p>'
    yield "</div></details>"


def _operation(operation: OperationCoverage) -> Iterator[str]:
    told = counts(operation)
    yield f'<div class="contract"><h3>{escape(operation.operation)}'
    yield f'<span class="count">{escape(operation.provider)} {escape(operation.api_version)}</span></h3>'
    for kind in KINDS:
        if kind in told:
            met, total = told[kind]
            yield f'<p class="kind">{PLURAL[kind]}: {met} of {total}</p><div class="chips">'
            for (one, name), tests in operation.places.items():
                if one == kind:
                    state = f' class="met" title="{escape(by_tests(tests, _NAMED))}"' if tests else ""
                    yield f"<span{state}>{escape(name)}</span>"
            yield "</div>"
    yield "</div>"
