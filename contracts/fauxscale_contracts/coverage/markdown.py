"""Writes coverage as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from fauxscale_contracts.conform.stakes import STAKES, TITLES

from .coverage import Coverage, ListCoverage, first_of_each_stake
from .text import PLURAL, closing_test, counts

_SHOWN = 3


def as_markdown(coverage: Coverage) -> str:
    """A table of each list by what is at stake, the tests that close the costliest gaps, and a table of contracts."""
    lines = ["# Situation coverage", ""]
    for one in coverage.lists:
        lines += [*_list(one), ""]
    if coverage.operations:
        lines += [f"| operation | {' | '.join(PLURAL.values())} |", "|---|" + "---|" * len(PLURAL)]
    for operation in coverage.operations:
        told = counts(operation)
        cells = ("{} of {}".format(*told[kind]) if kind in told else "" for kind in PLURAL)
        lines.append(f"| `{operation.operation}` | {' | '.join(cells)} |")
    return "\n".join(lines).rstrip() + "\n"


def _list(of: ListCoverage) -> Iterator[str]:
    yield f"## {of.title}: {of.met} of {of.total} situations met"
    yield ""
    yield "| at stake | met | not met |"
    yield "|---|---|---|"
    for stake in STAKES:
        found = [one for one in of.situations if one.stake == stake]
        if found:
            gaps = ", ".join(f"`{one.scenario.id}`" for one in found if one in of.gaps)
            total = sum(not one.unknown for one in found)
            yield f"| {TITLES[stake]} | {sum(bool(one.met_by) for one in found)} of {total} | {gaps} |"
    if of.unknown:
        yield ""
        yield "Cannot be told: " + "; ".join(f"`{one.scenario.id}` ({one.unknown})" for one in of.unknown)
    for one in first_of_each_stake(of.gaps)[:_SHOWN]:
        yield ""
        yield f"<details><summary>Close <code>{one.scenario.id}</code>: {one.scenario.about}</summary>"
        yield ""
        yield "```python"
        yield from closing_test(one.scenario)
        yield "```"
        yield ""
        yield "</details>"
