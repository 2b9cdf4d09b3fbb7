"""Writes coverage as text: one line, a table for a terminal, and what a test needs to close a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.staging import staging_imports, staging_lines
from fauxscale_contracts.conform.stakes import STAKES, TITLES

from .coverage import Coverage, ListCoverage, OperationCoverage, Situation, first_of_each_stake
from .places import KINDS, Kind

_NAMED = 3
PLURAL = {"member": "members", "value": "values", "status": "statuses", "error code": "error codes"}


def summary(coverage: Coverage) -> str:
    """One line: how many situations were met, of which operations, and which of the rest costs the most. "" if no list
    was used."""
    lists = coverage.lists
    if not lists:
        return ""
    met, total = sum(one.met for one in lists), sum(one.total for one in lists)
    if len(lists) == 1:
        told = f"situations met {met} of {total} ({lists[0].title})"
    else:
        parts = ", ".join(f"{one.title} {one.met} of {one.total}" for one in lists)
        told = f"situations met {met} of {total} ({parts})"
    gaps = first_of_each_stake([gap for one in lists for gap in one.gaps])
    names = list(dict.fromkeys(one.scenario.id for one in gaps))
    if not names:
        return told
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{told}; not met: {', '.join(names[:_NAMED])}{more}"


def as_text(coverage: Coverage) -> str:
    """A table of each list, the most expensive situations first, and of each operation of a contract."""
    lines: list[str] = []
    for one in coverage.lists:
        lines += [*_list(one), ""]
    for operation in coverage.operations:
        lines += _operation(operation)
    return "\n".join(lines).rstrip()


def closing_test(scenario: Scenario) -> list[str]:
    """A test that brings a client into this situation: its author adds the client's call."""
    lines = staging_lines(scenario)
    fixtures = "fauxscale, sample_image" if any("sample_image" in one for one in lines) else "fauxscale"
    name = scenario.id.replace("-", "_")
    imports = staging_imports(scenario)
    return [
        *([*imports, "", ""] if imports else ()),
        f"def test_{name}({fixtures}):",
        *(f"    {one}" for one in lines),
        f"    ...  # call your client: it {scenario.expect}",
    ]


def counts(operation: OperationCoverage) -> dict[Kind, tuple[int, int]]:
    """For each kind of place in a contract, how many were met and how many there are."""
    every = Counter(kind for kind, _ in operation.places)
    met = Counter(kind for (kind, _), tests in operation.places.items() if tests)
    return {kind: (met[kind], every[kind]) for kind in KINDS if every[kind]}


def by_tests(tests: Sequence[str], most: int = 1) -> str:
    """Name the tests that met something, or some of them."""
    more = f" and {len(tests) - most} more" if len(tests) > most else ""
    return ", ".join(tests[:most]) + more


def _list(of: ListCoverage) -> Iterator[str]:
    yield f"{of.title}: situations met {of.met} of {of.total}"
    for stake in STAKES:
        found = [one for one in of.situations if one.stake == stake]
        if found:
            met = sum(bool(one.met_by) for one in found)
            yield f"  {TITLES[stake]}: {met} of {sum(not one.unknown for one in found)}"
            yield from (f"    {_row(one)}" for one in found)


def _row(one: Situation) -> str:
    name = f"{one.scenario.id:<28}"
    if one.met_by:
        return f"met      {name} {by_tests(one.met_by)}"
    return f"unknown  {name} {one.unknown}" if one.unknown else f"NOT MET  {name} {one.scenario.about}"


def _operation(operation: OperationCoverage) -> Iterator[str]:
    told = ", ".join(f"{PLURAL[kind]} {met} of {total}" for kind, (met, total) in counts(operation).items())
    yield f"{operation.operation} ({operation.provider} {operation.api_version}): {told}"
    for kind in KINDS:
        missing = [name for (one, name), tests in operation.places.items() if one == kind and not tests]
        if missing:
            yield f"  {PLURAL[kind]} not met: {', '.join(missing)}"
