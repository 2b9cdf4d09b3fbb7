"""A run says which situations its tests met, in one line and in reports; the same with workers and on any server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fauxscale import MockServer, Settings
from fauxscale.state.journal import Entry
from pytest_fauxscale.coverage import Collector
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

PROJECT = """
from fauxscale import Fail, Hang, LoseReply

def test_happy(fauxscale, send):
    link = send(fauxscale).json()["data"][0]["url"]
    assert httpx.get(link).status_code == 200

def test_loses_a_reply(fauxscale, send):
    fauxscale.faults.add(LoseReply())
    with pytest.raises(httpx.TransportError):
        send(fauxscale)

def test_is_refused_twice(fauxscale, send):
    fauxscale.faults.add(Fail(500), times=2)
    assert [send(fauxscale).status_code for _ in range(2)] == [500, 500]

def test_comes_too_late(fauxscale, send):
    link = send(fauxscale).json()["data"][0]["url"]
    fauxscale.clock.advance(hours=25)
    assert httpx.get(link).status_code == 403

def test_has_the_wrong_key(fauxscale, sample_image):
    assert upscale(fauxscale.url + "/ideogram", "no key", sample_image()).status_code == 403

def test_opens_an_account(fauxscale_server, send):
    with fauxscale_server.account(balance=0) as account:
        assert send(account).status_code == 402

def test_gives_up(fauxscale, sample_image):
    fauxscale.faults.add(Hang())
    with httpx.Client(timeout=0.3) as http, pytest.raises(httpx.TimeoutException):
        upscale(fauxscale.url + "/ideogram", fauxscale.api_key("ideogram"), sample_image(), http)
"""
MET = {
    "picture-png-rgb": ["test_comes_too_late", "test_happy", "test_loses_a_reply", "test_opens_an_account"],
    "lost-reply": ["test_loses_a_reply"],
    "500-always": ["test_is_refused_twice"],
    "download-expired": ["test_comes_too_late"],
    "wrong-key": ["test_has_the_wrong_key"],
    "error-403": ["test_has_the_wrong_key"],
    "empty-wallet": ["test_opens_an_account"],
    "error-402": ["test_opens_an_account"],
    "hang": ["test_gives_up"],
}
LINE = "fauxscale: situations met 9 of 83 (ideogram.upscale); not met: lost-reply-closed, *, 429-no-hint and 71 more"


def met(file: Path) -> dict[str, list[str]]:
    (one,) = json.loads(file.read_text())["lists"]
    found: dict[str, Any] = one["met"]
    return {name: [test.partition("::")[2] for test in tests] for name, tests in found.items()}


def test_a_run_says_in_a_line_what_it_met_and_what_is_dearest_of_the_rest(run: Runs) -> None:
    result = run(PROJECT, "--fauxscale-contract=off")
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines([LINE])


def test_each_situation_is_written_down_with_its_tests(run: Runs) -> None:
    run(PROJECT, "--fauxscale-coverage=json:met.json").assert_outcomes(passed=7)
    assert met(run.pytester.path / "met.json") == MET


@pytest.mark.e2e
def test_workers_find_the_same(run: Runs) -> None:
    run.write(PROJECT)
    alone = run.apart("--fauxscale-coverage=json:alone.json")
    among = run.apart("--fauxscale-coverage=json:among.json", "-p", "xdist", "-n", "2")
    alone.assert_outcomes(passed=7)
    among.assert_outcomes(passed=7)
    among.stdout.fnmatch_lines([LINE])
    folder = run.pytester.path
    assert (folder / "among.json").read_text() == (folder / "alone.json").read_text()


def test_a_server_elsewhere_tells_all_but_calls_of_no_account(run: Runs) -> None:
    with MockServer(Settings(key_policy="issued", token="let me in")) as mock:
        there = ("--fauxscale-url", mock.url, "--fauxscale-token", "let me in")
        result = run(PROJECT, *there, "--fauxscale-coverage=json:met.json")
    result.assert_outcomes(passed=7)
    expected = {name: tests for name, tests in MET.items() if name not in ("wrong-key", "error-403")}
    assert met(run.pytester.path / "met.json") == expected
    unknown = json.loads((run.pytester.path / "met.json").read_text())["unknown"]
    assert "wrong-key" in {one["id"] for one in unknown}


def test_accounts_that_outlive_tests_on_a_server_elsewhere_are_read_at_the_end(run: Runs) -> None:
    source = """
    @pytest.fixture(scope="session")
    def mine(fauxscale_server):
        return fauxscale_server.account()

    def test_shared(mine, send):
        assert send(mine).status_code == 200
    """
    with MockServer(Settings(key_policy="issued", token="let me in")) as mock:
        there = ("--fauxscale-url", mock.url, "--fauxscale-token", "let me in")
        run(source, *there, "--fauxscale-coverage=json:met.json").assert_outcomes(passed=1)
    assert met(run.pytester.path / "met.json") == {"picture-png-rgb": ["test_shared"]}


def test_every_report_is_written_where_it_is_wanted(run: Runs) -> None:
    result = run(
        PROJECT,
        *("--fauxscale-coverage=html", "--fauxscale-coverage=md:met.md", "--fauxscale-coverage=json"),
        "--fauxscale-coverage=term",
    )
    folder = run.pytester.path
    assert (folder / "fauxscale-coverage.html").read_text().startswith("<!doctype html>")
    assert (folder / "met.md").read_text().startswith("# Situation coverage")
    assert (folder / "fauxscale-coverage.json").exists()
    result.stdout.fnmatch_lines(
        [
            "ideogram.upscale: situations met 9 of 83",
            "*met *lost-reply *test_it.py::test_loses_a_reply",
            "*NOT MET *cut-reply *",
            "ideogram.upscale (ideogram 2026-04): members 2 of 8*",
        ]
    )


def test_a_report_that_cannot_be_written_is_said(run: Runs) -> None:
    result = run(PROJECT, "--fauxscale-coverage=html:none/met.html")
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["fauxscale coverage: none/met.html cannot be written: *"])


@pytest.mark.parametrize(
    ("percent", "status"), [("10", pytest.ExitCode.OK), ("12", pytest.ExitCode.TESTS_FAILED)]
)
def test_a_run_fails_under_a_share_of_situations(run: Runs, percent: str, status: int) -> None:
    run.ini(f"fauxscale_coverage_fail_under = {percent}")
    result = run(PROJECT)
    result.assert_outcomes(passed=7)
    assert result.ret == status
    said = "fauxscale: 10.8 % of the situations were met, less than 12 %" in result.outlines
    assert said == (percent == "12")


@pytest.mark.e2e
def test_workers_together_are_held_to_one_share(run: Runs) -> None:
    run.write(PROJECT)
    result = run.apart("-p", "xdist", "-n", "2", "--fauxscale-coverage-fail-under=12")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert run.apart("-p", "xdist", "-n", "2", "--fauxscale-coverage-fail-under=10").ret == 0


def test_a_run_without_a_call_is_held_to_nothing(run: Runs) -> None:
    run.ini("fauxscale_coverage_fail_under = 90")
    assert run("def test_idle(fauxscale): pass").ret == pytest.ExitCode.OK
    assert run("def test_plain(): pass").ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "--fauxscale-coverage=pdf",
            "--fauxscale-coverage must be one of term, html, json, md, or html:PATH, not 'pdf'",
        ),
        ("--fauxscale-coverage=term:out", "--fauxscale-coverage must be one of *, not 'term:out'"),
        ("--fauxscale-coverage-fail-under=101", "fauxscale_coverage_fail_under must be a percentage*"),
        (
            "--fauxscale-coverage-fail-under=-1",
            "--fauxscale-coverage-fail-under must be a number of 0 or more, not -1.0",
        ),
    ],
)
def test_a_report_that_there_is_not_is_a_usage_error(run: Runs, option: str, said: str) -> None:
    result = run("def test_idle(): pass", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_a_run_that_uses_nothing_loads_nothing_of_it(run: Runs) -> None:
    run.write("""
        def test_plain():
            import sys
            assert not [one for one in sys.modules if one.startswith(("fauxscale", "fauxscale_contracts"))]
    """)
    result = run.apart()
    result.assert_outcomes(passed=1)
    assert "situations" not in result.stdout.str()


def test_situations_are_told_without_hypothesis(run: Runs) -> None:
    run.write(PROJECT)
    (run.pytester.path / "conftest.py").write_text("import sys\nsys.modules['hypothesis'] = None\n")
    result = run.apart("--fauxscale-coverage=html", "--fauxscale-coverage=json", "--fauxscale-coverage=md")
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines([LINE])


def test_long_runs_are_judged_as_they_go(request: pytest.FixtureRequest) -> None:
    item: pytest.Item = request.node
    collector = Collector(contracts=False)
    for number in range(2_500):
        collector.give(f"acct_{number}", f"test_{number}")
        entry = Entry(n=1, provider="ideogram", operation="ideogram.upscale", status=500, rule="unavailable")
        collector(f"acct_{number}", "", entry)
        collector.settle(item)
    assert len(vars(collector)["_kept"]) < 2_000
    (of,) = collector.coverage().lists
    found = {one.scenario.id: len(one.met_by) for one in of.situations if one.met_by}
    assert found == {"500-once": 2_500}


def test_a_call_that_ends_after_its_test_is_still_its_own(request: pytest.FixtureRequest) -> None:
    item: pytest.Item = request.node
    collector = Collector(contracts=False)
    collector.give("acct_1", "test_that_gave_up")
    collector.settle(item)
    collector("acct_1", "", Entry(n=1, provider="ideogram", operation="ideogram.upscale", status=500))
    collector.settle(item)  # by now another test has ended
    (of,) = collector.coverage().lists
    assert [one.met_by for one in of.situations if one.met_by] == [("test_that_gave_up",)]


@pytest.mark.e2e
def test_situations_that_exploration_staged_are_none_that_the_tests_met(run: Runs) -> None:
    run.write("""
        def test_happy(fauxscale, send):
            link = send(fauxscale).json()["data"][0]["url"]
            assert httpx.get(link).status_code == 200
    """)
    run.apart("--fauxscale-explore", "--fauxscale-explore-max=3", "--fauxscale-coverage=json:met.json")
    assert met(run.pytester.path / "met.json") == {"picture-png-rgb": ["test_happy"]}
