"""The reports of the other commands become one verdict: red where one is red, none where one is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from fauxscale_contracts.cli import main
from fauxscale_contracts.drift.compare import Difference, Kind
from fauxscale_contracts.drift.report import DriftReport

DEPARTURE = {
    "test": "tests/test_upload.py::test_it[<b>]",
    "operation": "ideogram.upscale",
    "pointer": "/body/image_request/detail",
    "severity": "would be rejected",
    "message": "'50' is not of type integer",
    "rule": "type integer",
    "curl": "curl -X POST https://api.ideogram.ai/upscale",
}


def gate(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["gate", *map(str, words)])


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def drift_report(folder: Path, *kinds: Kind) -> Path:
    """A drift report with a difference of each of these kinds."""
    found = [
        Difference(kind, "a small picture", "/body/data/*/seed", f"is {kind}", "required") for kind in kinds
    ]
    report = DriftReport(
        "ideogram", "2026-10", "https://api.ideogram.ai", 0.06, {"a small picture": 200}, found
    )
    return written(folder, "drift.json", report.to_json())


def pytest_report(folder: Path, *departures: dict[str, str], judged: int = 12) -> Path:
    """A report of a run of pytest."""
    body = {"judged": judged, "departures": list(departures)}
    return written(folder, "tests.json", json.dumps(body))


# Uploads once and saves what the first link leads to: right for a good picture, wrong where the service is busy.
CARELESS = """
import json, os, sys, urllib.request
picture, output = sys.argv[1:3]
edge = "a-boundary"
head = 'Content-Disposition: form-data; name="image_file"; filename="a.png"\\r\\nContent-Type: image/png'
text = 'Content-Disposition: form-data; name="image_request"\\r\\n\\r\\n{}'
body = f"--{edge}\\r\\n{text}\\r\\n--{edge}\\r\\n{head}\\r\\n\\r\\n".encode()
body += open(picture, "rb").read() + f"\\r\\n--{edge}--\\r\\n".encode()
headers = {"Api-Key": os.environ["IDEOGRAM_API_KEY"], "Content-Type": f"multipart/form-data; boundary={edge}"}
url = os.environ["IDEOGRAM_BASE_URL"] + "/upscale"
answer = json.load(urllib.request.urlopen(urllib.request.Request(url, body, headers)))
open(output, "wb").write(urllib.request.urlopen(answer["data"][0]["url"]).read())
"""


@pytest.mark.e2e
def test_a_client_that_fails_a_scenario_is_red_and_told_what_to_do(tmp_path: Path) -> None:
    script = written(tmp_path, "client.py", CARELESS)
    words = ["conform", "ideogram", "--json", "-k", "picture-png", "-k", "429-seconds", "--", sys.executable]
    ran = CliRunner().invoke(main, [*words, str(script), "{image}", "{output}"])
    assert ran.exit_code == 1, ran.output
    done = gate("--conform", written(tmp_path, "conform.json", ran.stdout), "--html", tmp_path / "gate.html")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "FAIL: 1 failing")
    page = (tmp_path / "gate.html").read_text()
    for told in (
        "conform.ideogram.429-seconds",
        "<dt>staged</dt>",
        "<dt>expected</dt>",
        "Retry-After",
        "fauxscale-contracts scenarios 429-seconds",
    ):
        assert told in page


def test_all_well_is_green(tmp_path: Path) -> None:
    done = gate(
        "--drift",
        drift_report(tmp_path),
        "--tests",
        pytest_report(tmp_path),
        "--contract",
        "ideogram",
        "--max-age",
        "99999",
    )
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "PASS: nothing found")


def test_a_call_that_would_be_rejected_is_red(tmp_path: Path) -> None:
    done = gate("--tests", pytest_report(tmp_path, DEPARTURE), "--drift", drift_report(tmp_path))
    assert done.exit_code == 1
    assert "fail: ideogram.upscale: /body/image_request/detail: '50' is not of type integer" in done.stdout


@pytest.mark.parametrize(
    ("kind", "words", "status"),
    [
        ("news", (), 0),
        ("additive", (), 0),
        ("risky", (), 1),
        ("breaking", (), 1),
        ("risky", ("--drift-fails-at", "breaking"), 0),
        ("risky", ("--drift-fails-at", "breaking", "--strict"), 1),
        ("additive", ("--drift-fails-at", "additive"), 1),
    ],
)
def test_drift_fails_from_the_kind_on_that_was_chosen(
    tmp_path: Path, kind: Kind, words: tuple[str, ...], status: int
) -> None:
    assert gate("--drift", drift_report(tmp_path, kind), *words).exit_code == status


def test_an_old_contract_is_pointed_out_and_fails_only_where_all_is_strict() -> None:
    done = gate("--contract", "ideogram=2026-04", "--max-age", "1")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "PASS: 1 to look at")
    assert gate("--contract", "ideogram=2026-04", "--max-age", "1", "--strict").exit_code == 1
    assert gate("--contract", "ideogram", "--max-age", "99999", "--strict").exit_code == 0


def test_a_report_that_is_not_there_or_is_none_leaves_no_verdict(tmp_path: Path) -> None:
    for text in (None, "", "[]", "{}", '{"judged": 1, "departures": [{}]}'):
        file = tmp_path / "none.json" if text is None else written(tmp_path, "tests.json", text)
        done = gate("--tests", file, "--drift", drift_report(tmp_path))
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (2, "NO VERDICT: nothing found"), text


def test_tests_that_made_no_call_leave_no_verdict(tmp_path: Path) -> None:
    done = gate("--tests", pytest_report(tmp_path, judged=0))
    assert (done.exit_code, "no call was checked against a contract" in done.stdout) == (2, True)


def test_red_counts_for_more_than_what_could_not_be_told(tmp_path: Path) -> None:
    assert (
        gate("--tests", tmp_path / "none.json", "--drift", drift_report(tmp_path, "breaking")).exit_code == 1
    )


def test_what_cannot_be_is_said_with_status_2(tmp_path: Path) -> None:
    for words, why in (
        ((), "no report given"),
        (("--contract", "ideogram=1999"), "no ideogram contract of '1999'"),
        (("--contract", "ideogram", "--html", tmp_path / "none" / "gate.html"), "is not a folder"),
    ):
        done = gate(*words)
        assert (done.exit_code, why in done.stderr) == (2, True), done.stderr


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The four reports of a run with findings of each level."""
    kinds: tuple[Kind, ...] = ("news", "risky", "breaking")
    words: list[str | Path] = [
        "--drift",
        drift_report(tmp_path, *kinds),
        "--tests",
        pytest_report(tmp_path, DEPARTURE),
        "--drift-fails-at",
        "breaking",
    ]
    for name in ("html", "markdown", "junit", "sarif"):
        words += [f"--{name}", tmp_path / f"gate.{name}"]
    assert gate(*words, "--tests", tmp_path / "none.json").exit_code == 1
    return tmp_path


def test_the_page_loads_nothing_and_shows_names_as_text(reports: Path) -> None:
    page = (reports / "gate.html").read_text()
    assert "test_it[&lt;b&gt;]" in page
    assert not any(word in page for word in ("<script", "src=", "@import", "url(", "<b>"))
    assert page.count("<details open>") == 2


def test_the_comment_for_a_pull_request_folds_what_was_found(reports: Path) -> None:
    text = (reports / "gate.markdown").read_text()
    assert text.startswith("## Contract gate: FAIL\n\n2 failing, 1 to look at, 1 noted.\n")
    assert text.count("<details>") == text.count("</details>") == 3
    assert "test_it[&lt;b&gt;]" in text


def test_junit_has_a_case_for_each_finding_and_an_error_for_what_could_not_be_told(reports: Path) -> None:
    suites = ElementTree.fromstring((reports / "gate.junit").read_text())
    assert [(one.get("failures"), one.get("errors"), one.get("skipped")) for one in suites] == [
        ("1", "0", "0"),
        ("0", "1", "0"),
        ("1", "0", "2"),
    ]


def test_sarif_has_a_place_for_each_finding_and_keeps_its_fingerprint(reports: Path) -> None:
    document: Any = json.loads((reports / "gate.sarif").read_text())
    (run,) = document["runs"]
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert places == ["tests/test_upload.py", "README.md", "README.md", "README.md"]
    assert [one["level"] for one in run["results"]] == ["error", "note", "warning", "error"]
    assert {one["ruleId"] for one in run["results"]} == {one["id"] for one in run["tool"]["driver"]["rules"]}
    assert run["invocations"][0]["executionSuccessful"] is False
