"""Reports an exploration: on a screen, as JSON, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import groupby

from .finding import LEVELS, Exploration, ExploredCall
from .verdict import Level

SYMBOLS: dict[Level, str] = {
    "wrong": "W",
    "look": "L",
    "accepted": "a",
    "withdrawn": "w",
    "not tried": "?",
    "not met": "-",
    "fine": ".",
}
NAMES: dict[Level, str] = {"wrong": "the client is wrong", "look": "look at this"}


def summary(done: Exploration) -> str:
    """Count the verdicts: `64 situations: 2 the client is wrong, 1 look at this, 61 fine`."""
    counts = done.counts
    said = [f"{counts[level]} {NAMES.get(level, level)}" for level in LEVELS if counts[level]]
    return f"{counts.total()} situations: {', '.join(said) or 'none was tried'}"


def lines(done: Exploration, told: Collection[Level] = ()) -> Iterator[str]:
    """Write for people: a grid of tests by situations, the details of wrong findings, and a line for each one to look
    at. For levels in `told`, which were reported in full already, only the reasons."""
    for test, found in groupby(done.findings, key=lambda one: one.test):
        row = "".join(SYMBOLS[one.level] for one in found)
        yield f"{test}  {row}"
    used: list[Level] = [level for level in LEVELS if done.counts[level]]
    if used:
        yield "  ".join(f"{SYMBOLS[level]} {NAMES.get(level, level)}" for level in used)
    for one in done.told:
        yield f"{NAMES[one.level]}: {one.test} in {one.situation}: {'; '.join(one.reasons)}"
        if one.level == "wrong" and one.level not in told:
            yield from (f"    {line}" for line in one.lines())
    for one in done.findings:
        if one.level in ("accepted", "withdrawn"):
            yield f"{one.level}: {one.test} in {one.situation}: {one.reason}"
    if done.told:
        yield "note: advice and a regression test for each finding are in a report in .html, .json or .md"
    yield from (f"note: {one}" for one in done.notes)
    yield summary(done)


def as_json(done: Exploration) -> str:
    """Write for programs."""
    body = {
        "summary": {level: done.counts[level] for level in LEVELS},
        "findings": [{**one.to_members(), "advice": one.advice, "more": one.more} for one in done.findings],
        "not_explored": dict(done.skipped),
        "notes": list(done.notes),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def as_markdown(done: Exploration) -> str:
    """Write for a page or a pull request."""
    text = [f"**Exploration**: {summary(done)}.", ""]
    if done.told:
        text += [
            "| verdict | test | situation | staged | what happened | what to do |",
            "|---|---|---|---|---|---|",
        ]
        text += [_row(one) for one in done.told]
        text += ["", "More about a situation: `fauxscale-contracts scenarios ID`.", ""]
        for one in done.told:
            if one.kept:
                text += [
                    f"A regression test for `{one.situation}`:",
                    "",
                    "```python",
                    one.kept.strip(),
                    "```",
                    "",
                ]
    text += [f"- {_cell(one)}" for one in done.notes]
    text += [f"- not explored: `{_cell(test)}`: {_cell(why)}" for test, why in done.skipped.items()]
    return "\n".join(text).rstrip() + "\n"


def _row(one: ExploredCall) -> str:
    cells = (
        NAMES[one.level],
        f"`{one.test}`",
        f"`{one.situation}`",
        one.staged,
        "; ".join(one.reasons),
        one.advice,
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
