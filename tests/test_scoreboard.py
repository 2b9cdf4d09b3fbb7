"""No figure of docs/scoreboard.md is written by hand; what holds a promise of SECURITY.md exists."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.torture import scoreboard
from tests.torture.results import Result

ROOT = Path(__file__).resolve().parent.parent
RUN = Result(
    "corpus",
    "every row is answered",
    seed=7,
    count=1_200_000,
    seconds=600.0,
    slowest_ms=12.34,
    held_ms=0.5,
    peak_mib=2_048.0,
    reached=600_000,
    accepted=300_000,
    histogram={"refused": 1_200, "accepted": 34_000},
    figures={"server": "socket"},
    date="2026-11-21",
    machine="2 cores",
)


def verbs() -> set[str]:
    return set(re.findall(r"^(\w+):[^#\n]*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_the_page_is_what_the_generator_makes_of_the_figures_beside_it() -> None:
    assert scoreboard.PAGE.read_text("utf-8") == scoreboard.page(scoreboard.load()), "make scoreboard"


def test_every_run_of_the_page_is_of_a_verb_and_every_figure_of_a_run() -> None:
    rows = {row.name: row for row in scoreboard.rows()}
    for row in rows.values():
        assert row.command.split()[:1] == ["make"]
        assert row.command.split()[1] in verbs(), row
    assert scoreboard.load().keys() <= rows.keys()


def test_a_run_is_told_with_count_seed_rate_date_and_machine() -> None:
    told = scoreboard.page({"corpus": RUN})
    assert "| [corpus](#corpus) | 1,200,000 | 0 | 12.3 ms | 0.5 ms | 2,048.0 MiB |  | 2026-11-21 |" in told
    section = told.partition("## corpus\n")[2].partition("\n## ")[0]
    for line in (
        "- PASS: every row is answered.",
        "- 1,200,000 tries in 600 s (2,000 a second), seed 7",
        "- On 2026-11-21: 2 cores",
        "- 50.0% reached a handler",
        "- 25.0% succeeded",
        "- server: socket",
        "- 34,000 × `accepted`\n- 1,200 × `refused`",
    ):
        assert line in section


def test_what_was_not_run_says_so() -> None:
    told = scoreboard.page({})
    for row in scoreboard.rows():
        assert f"| [{row.name}](#{row.name}) | not run |" in told
    assert "PASS: " not in told


def test_a_failure_is_told_and_nothing_called_pass() -> None:
    told = scoreboard.page({"corpus": replace(RUN, failures=["a.png: accepted", "b.png: answered 500"])})
    assert "| [corpus](#corpus) | 1,200,000 | 2 |" in told
    assert "- **FAIL**: every row is answered." in told
    assert "    b.png: answered 500\n" in told


def test_a_run_cut_short_says_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    row = scoreboard.Row("corpus", "…", "make corpus", whole=2_000_000)
    monkeypatch.setattr(scoreboard, "rows", lambda: iter([row]))
    assert "| 1,200,000 of 2,000,000 |" in scoreboard.page({"corpus": RUN})


def test_a_shorter_run_replaces_a_longer_one_only_if_it_found_something_or_is_named() -> None:
    old, short = {"corpus": RUN}, replace(RUN, count=10)
    assert scoreboard.merged(old, {"corpus": short}, []) == old
    assert scoreboard.merged(old, {"corpus": short}, ["corpus"]) == {"corpus": short}
    failed = replace(short, failures=["a.png: accepted"])
    assert scoreboard.merged(old, {"corpus": failed}, []) == {"corpus": failed}
    again = replace(RUN, date="2026-11-22")
    assert scoreboard.merged(old, {"corpus": again}, []) == {"corpus": again}
    assert scoreboard.merged(old, {}, []) == old


def test_what_runs_kept_is_read_and_the_suites_report_too(tmp_path: Path) -> None:
    folder = tmp_path / "torture"
    RUN.save(folder)
    (tmp_path / "suite.xml").write_text(
        '<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="10" '
        'time="12.5" timestamp="2026-11-21T10:00:00+00:00">'
        '<testcase classname="tests.a" name="test_b"><failure>x</failure></testcase>'
        '<testcase classname="tests.a" name="test_c"><error>x</error></testcase>'
        '<testcase classname="tests.a" name="test_d"/></testsuite></testsuites>'
    )
    found = scoreboard.kept(folder)
    assert found["corpus"] == RUN
    suite = found["suite"]
    assert (suite.count, suite.accepted, suite.seconds, suite.date) == (8, 6, 12.5, "2026-11-21")
    assert suite.failures == ["tests.a::test_b", "tests.a::test_c"]
    assert "newest" not in found


def test_the_figures_and_the_page_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, page = tmp_path / "scoreboard.json", tmp_path / "scoreboard.md"
    monkeypatch.setattr(scoreboard, "FIGURES", figures)
    monkeypatch.setattr(scoreboard, "PAGE", page)
    monkeypatch.setattr(scoreboard, "load", lambda: {"corpus": replace(RUN, count=1)})
    monkeypatch.setattr(scoreboard, "kept", lambda: {"corpus": RUN})
    scoreboard.main([])
    assert json.loads(figures.read_text("utf-8")) == [asdict(RUN)]
    assert page.read_text("utf-8") == scoreboard.page({"corpus": RUN})
    with pytest.raises(SystemExit, match="nothing was kept of peers"):
        scoreboard.main(["peers"])


def promises() -> list[tuple[str, str, str]]:
    """The rows of SECURITY.md's tables: promise, figure, what holds it."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [(row[0], row[1], row[2]) for row in rows if row != ["promise", "figure", "tested by"]]


def test_every_promise_has_a_figure_and_is_held_by_a_verb_or_a_test_that_exists() -> None:
    tests = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    kinds = {row.name for row in scoreboard.rows()}
    assert len(promises()) > 20
    for promise, figure, held_by in promises():
        assert figure, promise
        for holder in held_by.split(", "):
            verb = re.fullmatch(r"`make (\w+)(?: ARGS=(\w+))?`", holder)
            if verb:
                assert verb[1] in verbs(), f"{promise}: there is no {holder}"
                assert verb[2] is None or verb[2] in kinds, f"{promise}: there is no {holder}"
            else:
                assert holder.strip("`") in tests, f"{promise}: there is no test {holder}"
