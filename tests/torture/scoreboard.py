"""`make scoreboard`: what the runs before kept, put into docs/scoreboard.json, and docs/scoreboard.md made of that.

No figure comes from anywhere else. A shorter run replaces a longer one only where it found something, or where its
name is given.
"""

from __future__ import annotations

import ast
import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .__main__ import KINDS
from .results import KEPT, ROOT, Result, machine

FIGURES = ROOT / "docs" / "scoreboard.json"
PAGE = ROOT / "docs" / "scoreboard.md"
_OUTCOMES = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A run that has its place on the page, made or not. `whole` is how many tries it has, where that is fixed."""

    name: str
    title: str
    command: str
    whole: int = 0


def rows() -> Iterator[Row]:
    """Every kind of torture, described by its module, and what other verbs measure."""
    kinds: tuple[str, ...] = KINDS
    for kind in kinds:
        tree = ast.parse((Path(__file__).parent / f"{kind}.py").read_text("utf-8"))
        title = " ".join((ast.get_docstring(tree) or kind).partition("\n\n")[0].split())
        yield Row(kind, title, f"make torture ARGS={kind}", _count(tree))
    yield Row("corpus", "Every picture and body of fixtures/corpus.", "make corpus")
    yield Row("lives", "Servers started and stopped in one process.", "make bench ARGS=lives")
    yield Row("suite", "The suite, on the lock's versions.", "make test")
    yield Row("newest", "The suite, on the newest of everything.", "make newest")


def _count(tree: ast.Module) -> int:
    """What a module says COUNT is; importing it would load all that the run needs."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COUNT":
            return int(ast.literal_eval(node.value))
    return 0


def kept(folder: Path = KEPT) -> dict[str, Result]:
    """What the runs before left in `folder`, and whole runs of the suite beside it."""
    results = [Result(**json.loads(file.read_text("utf-8"))) for file in sorted(folder.glob("*.json"))]
    for name in ("suite", "newest"):
        if (file := folder.parent / f"{name}.xml").exists():
            results.append(_of_the_suite(name, file))
    return {result.name: result for result in results}


def _of_the_suite(name: str, file: Path) -> Result:
    """Read pytest's JUnit report."""
    (suite,) = ET.parse(file).getroot().iter("testsuite")
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    return Result(
        name,
        "every test passes",
        seed=0,
        count=tests - skipped,
        seconds=float(suite.attrib["time"]),
        accepted=tests - skipped - len(failed),
        figures={"skipped": f"{skipped}"},
        failures=failed,
        date=suite.attrib["timestamp"][:10],
        machine=machine(),
    )


def merged(old: Mapping[str, Result], new: Mapping[str, Result], named: list[str]) -> dict[str, Result]:
    """The figures to keep of both."""
    both = dict(old)
    for name, result in new.items():
        if name not in old or name in named or result.failures or result.count >= old[name].count:
            both[name] = result
    return both


def page(results: Mapping[str, Result]) -> str:
    """Write docs/scoreboard.md."""
    return "\n".join(
        [*_table(results), *(line for row in rows() for line in _section(row, results.get(row.name)))]
    )


def _table(results: Mapping[str, Result]) -> Iterator[str]:
    yield "# Scoreboard"
    yield ""
    yield "Made by `make scoreboard` of what the runs wrote down; a test holds that no figure is put in by hand."
    yield "What is promised, and what is not: [SECURITY.md](../SECURITY.md)."
    yield ""
    yield "| run | tries | failures | slowest | loop held | peak memory | growth in 100,000 tries | date |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows():
        result = results.get(row.name)
        if result is None:
            yield f"| [{row.name}](#{row.name}) | not run | | | | | | |"
            continue
        of = f" of {row.whole:,}" if result.count < row.whole else ""
        figures = [
            f"{result.count:,}{of}",
            f"{len(result.failures)}",
            _measured(result.slowest_ms, "ms"),
            _measured(result.held_ms, "ms"),
            _measured(result.peak_mib, "MiB"),
            _measured(result.growth_kib, "KiB"),
            result.date,
        ]
        yield f"| [{row.name}](#{row.name}) | {' | '.join(figures)} |"
    yield ""


def _measured(figure: float, unit: str) -> str:
    return f"{figure:,.1f} {unit}" if figure else ""


def _section(row: Row, result: Result | None) -> Iterator[str]:
    yield f"## {row.name}"
    yield ""
    yield f"{row.title} `{row.command}`"
    yield ""
    if result is None:
        yield f"Not run: {row.whole:,} tries are to come." if row.whole else "Not run."
        yield ""
        return
    yield f"- PASS: {result.promise}." if not result.failures else f"- **FAIL**: {result.promise}."
    seed = f", seed {result.seed}" if result.seed else ""
    yield f"- {result.count:,} tries in {result.seconds:,.0f} s ({result.rate:,.0f} a second){seed}"
    yield f"- On {result.date}: {result.machine}"
    if result.reached:
        yield f"- {result.reached / result.count:.1%} reached a handler"
    if result.accepted:
        yield f"- {result.accepted / result.count:.1%} succeeded"
    yield from (f"- {name}: {figure}" for name, figure in result.figures.items())
    outcomes = sorted(result.histogram.items(), key=lambda one: (-one[1], one[0]))
    yield from (f"- {times:,} × `{what}`" for what, times in outcomes[:_OUTCOMES])
    if outcomes[_OUTCOMES:]:
        yield f"- {sum(times for _, times in outcomes[_OUTCOMES:]):,} × {len(outcomes) - _OUTCOMES} other outcomes"
    yield ""
    if result.failures:
        yield from (f"    {' '.join(failure.split())}" for failure in result.failures)
        yield ""


def load(file: Path = FIGURES) -> dict[str, Result]:
    """The figures kept beside the page."""
    told = json.loads(file.read_text("utf-8")) if file.exists() else []
    return {one["name"]: Result(**one) for one in told}


def main(named: list[str]) -> None:
    old, new = load(), kept()
    if unknown := set(named) - new.keys():
        sys.exit(f"nothing was kept of {', '.join(sorted(unknown))} in {KEPT}")
    results = merged(old, new, named)
    told = [asdict(results[name]) for name in sorted(results)]
    FIGURES.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")
    for name in sorted(new):
        print(f"{name}: {'put in' if results[name] != old.get(name) else 'as it was'}")


if __name__ == "__main__":
    main(sys.argv[1:])
