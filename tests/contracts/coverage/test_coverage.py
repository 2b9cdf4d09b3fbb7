"""Coverage adds up, survives a file, says what is missing, and is reported in four forms and one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from fauxscale_contracts.cli import main
from fauxscale_contracts.coverage.command import combine as combine_command
from fauxscale_contracts.coverage.coverage import Coverage, first_of_each_stake
from fauxscale_contracts.coverage.files import as_json, read
from fauxscale_contracts.coverage.markdown import as_markdown
from fauxscale_contracts.coverage.page import as_html
from fauxscale_contracts.coverage.text import as_text, closing_test, counts, summary
from tests.contracts.coverage.entries import PNG, call, failed, journal, struck
from tests.contracts.coverage.entries import read as read_link

SENT: dict[str, Any] = {
    "parts": [
        {"name": "image_file", "bytes": 9},
        {
            "name": "image_request",
            "bytes": 30,
            "text": '{"magic_prompt_option": "ON", "zzz": "private words"}',
        },
    ]
}
FIRST = journal(call(image=PNG, **SENT), read_link())
SECOND = journal(struck("LoseReply"))


def noted(**tests: list[dict[str, Any]]) -> Coverage:
    coverage = Coverage()
    for name, entries in tests.items():
        coverage.note(f"test_it.py::{name}", entries)
    return coverage


def combine(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["coverage", "combine", *map(str, words)])


def met(coverage: Coverage) -> dict[str, tuple[str, ...]]:
    return {one.scenario.id: one.met_by for of in coverage.lists for one in of.situations if one.met_by}


def test_each_situation_is_met_by_the_tests_that_met_it() -> None:
    found = noted(happy=FIRST, lost=SECOND, again=SECOND)
    assert met(found) == {
        "lost-reply": ("test_it.py::again", "test_it.py::lost"),
        "picture-png-rgb": ("test_it.py::happy",),
    }
    assert [(one.title, one.met) for one in found.lists] == [("ideogram.upscale", 2)]


def test_runs_add_up_to_what_one_run_would_have_been() -> None:
    whole, halves = noted(happy=FIRST, lost=SECOND), Coverage()
    for half in (noted(lost=SECOND), noted(happy=FIRST)):
        halves.add_members(json.loads(json.dumps(half.to_members())))
    assert halves.to_members() == whole.to_members()
    assert as_json(halves) == as_json(whole)


def test_two_accounts_of_a_test_are_judged_apart() -> None:
    coverage = noted(busy=journal(failed(500)))
    coverage.note("test_it.py::busy", journal(failed(500)))
    assert "500-once" in met(coverage)
    assert "500-always" not in met(coverage)


def test_what_cannot_be_told_is_listed_and_not_counted() -> None:
    (of,) = noted(happy=FIRST).lists
    files = {"picture-gif", "picture-cut", "picture-empty", "picture-text", "picture-oversize"}
    assert {one.scenario.id for one in of.unknown} == files
    assert of.total == len(of.situations) - 5
    assert not files & {one.scenario.id for one in of.gaps}


def test_a_wrong_key_cannot_be_told_where_calls_of_no_account_were_not_read() -> None:
    coverage = Coverage()
    coverage.note("a", FIRST, whole=False)
    (of,) = coverage.lists
    assert "wrong-key" in {one.scenario.id for one in of.unknown}
    coverage.note("b", journal(call(status=403, rule="invalid_key")))
    assert "wrong-key" in met(coverage)


def test_situations_that_a_client_cannot_come_into_are_not_asked_of_it() -> None:
    direct = noted(run=journal(call("fal.run"))).lists[0]
    queued = noted(run=journal(call("fal.submit"), call("fal.result"))).lists[0]
    assert not [one for one in direct.situations if one.scenario.id.startswith("queue-")]
    assert "queue-stuck" in {one.scenario.id for one in queued.situations}
    assert queued.title == "fal.submit"


def test_places_of_the_contract_are_met_by_what_was_sent_and_answered() -> None:
    refused = call(
        status=429,
        rule="too_many_in_flight",
        reply='{"error": "busy", "reject_reason": "inflight_limit"}',
    )
    coverage = noted(happy=FIRST, busy=journal(refused))
    upscale = next(one for one in coverage.operations if one.operation == "ideogram.upscale")
    found = {place for place, tests in upscale.places.items() if tests}
    assert found == {
        ("member", "/image_file"),
        ("member", "/image_request"),
        ("member", "/image_request/magic_prompt_option"),
        ("value", "/image_request/magic_prompt_option=ON"),
        ("status", "200"),
        ("status", "429"),
        ("error code", "/reject_reason=inflight_limit"),
    }
    assert counts(upscale)["value"] == (1, 3)
    assert "private words" not in as_json(coverage)


def test_of_a_json_body_only_members_that_were_sent_count() -> None:
    params = {"prompt": "", "resemblance": 50, "detail": 50}
    coverage = noted(run=journal(call("fal.run", params=params, sent=["/image_url", "/detail"])))
    found = {
        name for (kind, name), tests in coverage.operations[0].places.items() if tests and kind == "member"
    }
    assert found == {"/image_url", "/detail"}


def test_a_recorded_contract_of_another_date_is_the_one_that_was_followed() -> None:
    coverage = noted(new=journal(call(api_version="2026-10")))
    assert [one.api_version for one in coverage.operations] == ["2026-10"]


def test_calls_of_a_provider_without_a_profile_are_left_out() -> None:
    assert not noted(own=journal(call("nowhere.upscale")))


def test_the_summary_is_one_line_with_something_of_each_stake() -> None:
    line = summary(noted(happy=FIRST, lost=SECOND))
    assert line == (
        "situations met 2 of 83 (ideogram.upscale); not met: lost-reply-closed, download-expired, 429-no-hint "
        "and 78 more"
    )
    assert summary(Coverage()) == ""


def test_the_summary_names_every_list() -> None:
    line = summary(noted(one=FIRST, two=journal(call("fal.run"))))
    assert line.startswith("situations met 1 of ")
    assert "(fal.run 0 of " in line
    assert ", ideogram.upscale 1 of 83)" in line


def test_gaps_are_ordered_by_what_is_at_stake() -> None:
    (of,) = noted(happy=FIRST).lists
    firsts = [one.stake for one in first_of_each_stake(of.gaps)][:6]
    assert firsts == ["paid-work", "paid-result", "waits", "outages", "refusals", "inputs"]


def test_the_table_names_the_test_or_what_is_missing() -> None:
    text = as_text(noted(happy=FIRST, lost=SECOND))
    assert re.search(r"met +lost-reply +test_it.py::lost", text)
    assert re.search(r"NOT MET +cut-reply +the connection is closed in the middle of the reply", text)
    assert re.search(r"unknown +picture-gif +a client that rejects", text)
    assert "values 1 of 3" in text


def test_a_gap_comes_with_the_test_that_closes_it() -> None:
    (of,) = noted(happy=FIRST).lists
    closed = {one.scenario.id: closing_test(one.scenario) for one in of.gaps}
    assert closed["lost-reply"][3:5] == [
        "def test_lost_reply(fauxscale):",
        '    fauxscale.faults.add(LoseReply(), on="ideogram.upscale")',
    ]
    assert closed["picture-jpeg"][0] == "def test_picture_jpeg(fauxscale, sample_image):"
    for lines in closed.values():
        compile("\n".join(lines), "a gap", "exec")


def test_the_page_is_one_file_that_loads_nothing() -> None:
    page = as_html(noted(happy=FIRST, lost=SECOND), "now")
    assert not re.search(r"<(script|link|img|iframe)|https?://|[: ]url\(", page)
    assert page.index("lost-reply-closed") < page.index("download-expired") < page.index("429-no-hint")
    assert "test_it.py::lost" in page
    assert page.count("<details") == 88


def test_what_tests_are_called_is_text_to_the_page() -> None:
    coverage = Coverage()
    coverage.note("test_it.py::test[<script>alert(1)</script>]", SECOND)
    assert "<script>" not in as_html(coverage, "now")


def test_the_comment_has_a_table_and_the_dearest_gaps() -> None:
    text = as_markdown(noted(happy=FIRST, lost=SECOND))
    assert "## ideogram.upscale: 2 of 83 situations met" in text
    assert "`cut-reply`" in text
    assert text.count("```python") == 3


def test_a_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    coverage = noted(happy=FIRST, lost=SECOND)
    (tmp_path / "run.json").write_text(as_json(coverage))
    assert read(tmp_path / "run.json").to_members() == coverage.to_members()
    body = json.loads(as_json(coverage))
    assert body["summary"] == {"met": 2, "total": 83, "percent": 2.4}
    assert body["not_met"][0]["id"] == "lost-reply-closed"
    assert len(body["unknown"]) == 5


def test_journals_and_runs_of_pytest_are_combined(tmp_path: Path) -> None:
    kept = {"fauxscale_journal": 1, "accounts": [{"id": "acct_1", "label": "go test", "calls": SECOND}]}
    (tmp_path / "go.json").write_text(json.dumps(kept))
    (tmp_path / "py.json").write_text(as_json(noted(happy=FIRST)))
    done = combine(
        *(tmp_path / "go.json", tmp_path / "py.json", "--json", tmp_path / "all.json"),
        *("--html", tmp_path / "all.html", "--md", tmp_path / "all.md"),
    )
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith("situations met 2 of 83 (ideogram.upscale)")
    assert met(read(tmp_path / "all.json")) == {
        "lost-reply": ("go test",),
        "picture-png-rgb": ("test_it.py::happy",),
    }
    assert (tmp_path / "all.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "all.md").read_text().startswith("# Situation coverage")


def test_too_few_situations_fail_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(as_json(noted(happy=FIRST, lost=SECOND)))
    assert combine(tmp_path / "run.json", "--fail-under", "2").exit_code == 0
    done = combine(tmp_path / "run.json", "--fail-under", "3")
    assert done.exit_code == 1
    assert "2.4 % of the situations were met, less than 3 %" in done.output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"fauxscale_coverage": 2}',
        '{"fauxscale_coverage": 1}',
        '{"fauxscale_coverage": 1, "lists": [{}], "contracts": []}',
        '{"fauxscale_coverage": 1, "lists": 3, "contracts": []}',
        '{"fauxscale_journal": 1, "accounts": [{"id": "a", "label": "", "calls": [{"n": 1}]}]}',
        '{"fauxscale_journal": 1, "accounts": [{"id": "a", "label": "", "calls": ["x"]}]}',
        '{"fauxscale_journal": 1, "accounts": {}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_coverage_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    done = combine(tmp_path / "bad.json")
    assert done.exit_code == 2, done.output
    assert len(done.output.splitlines()) == 1, done.output
    assert isinstance(done.exception, SystemExit)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert combine(tmp_path / "none.json").exit_code == 2
    assert combine().exit_code == 2


def test_a_report_into_no_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(as_json(noted(happy=FIRST)))
    done = combine(tmp_path / "run.json", "--html", tmp_path / "none" / "all.html")
    assert done.exit_code == 2
    assert "is not a folder" in done.output


def test_contracts_that_are_on_record_no_more_are_left_out(tmp_path: Path) -> None:
    members = noted(happy=FIRST).to_members()
    members["contracts"].append(
        {"provider": "gone", "api_version": "2020-01", "operation": "gone.upscale", "met": {}}
    )
    members["lists"].append({"provider": "gone", "list": "", "whole": True, "called": {}, "met": {}})
    coverage = Coverage()
    coverage.add_members(members)
    assert [one.provider for one in coverage.lists] == ["ideogram"]
    assert {one.provider for one in coverage.operations} == {"ideogram"}


def test_the_options_of_the_command_are_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
    section = page.partition("### What your tests never met")[2].partition("\n### ")[0]
    shown = set(re.findall(r"`(--[a-z-]+)[ `]", section.partition("| option of")[2].partition("\n\n")[0]))
    options = [one for one in combine_command.params if isinstance(one, click.Option)]
    assert shown == {flag for one in options for flag in one.opts if flag != "--help"}
    (line,) = re.findall(r"^fauxscale-contracts coverage combine (.*)$", section, re.MULTILINE)
    # A command keeps the names of its help option from its first context: without the program's it would lose -h.
    combine_command.make_context("combine", line.split(), **main.context_settings)
