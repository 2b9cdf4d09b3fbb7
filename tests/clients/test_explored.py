"""`make explored`: what published clients do in situations is a table of facts, of the versions that the locks name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from bench.explored import BEGIN, CLIENTS, END, PAGE, PYTHON, Client, facts, page, row
from tests.clients.node import installed
from tests.tools import needs

COUNTS = {"wrong": 2, "look": 1, "accepted": 0, "withdrawn": 0, "not tried": 0, "not met": 3, "fine": 40}


def found(level: str, situation: str, *reasons: str) -> Mapping[str, Any]:
    return {"level": level, "situation": situation, "reasons": list(reasons)}


REPORT = {
    "versions": "litellm 1.2.3",
    "day": "2026-11-22",
    "summary": COUNTS,
    "findings": [
        found("wrong", "lost-reply@fal.run#1", "paid 2 times"),
        found("look", "download-html@fal.download#1", "accepted it without an error: an HTML page"),
        found("look", "download-halved@fal.run#1", "accepted it without an error: a smaller one"),
        found("fine", "reset@fal.run#1"),
        found("wrong", "cut-reply@fal.run#1", "paid 2 times"),
        found("look", "429-date@fal.run#1", "paid 2 times", "this happened in one of two runs"),
    ],
    "notes": ["2 situations not tried"],
}
(LITELLM,) = (one for one in CLIENTS if one.package == "litellm")


def test_the_page_is_of_the_versions_that_the_locks_name() -> None:
    results = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    for client in CLIENTS:
        assert f"\n| {client.versions} |" in results
        assert f"\n**{client.versions}**\n" in results


def test_the_lock_of_the_python_clients_is_of_what_is_asked_for() -> None:
    lock = (PYTHON / "requirements.txt").read_text(encoding="utf-8")
    for line in (PYTHON / "requirements.in").read_text(encoding="utf-8").split():
        assert f"\n{line} \\\n" in lock


def test_a_row_counts_the_verdicts() -> None:
    assert row(LITELLM, REPORT) == (
        "| litellm 1.2.3 | Python, PyPI | lumenfall | 46 | 2 | 1 | 40 | 3 | 2026-11-22 |"
    )


def test_the_worst_is_told_first_and_what_is_the_same_once() -> None:
    assert list(facts(REPORT)) == [
        "**litellm 1.2.3**",
        "",
        "- the client is wrong: paid 2 times: `lost-reply@fal.run#1`, `cut-reply@fal.run#1`",
        "- look at this: accepted it without an error: `download-html@fal.download#1`, `download-halved@fal.run#1`",
        "- look at this: paid 2 times; this happened in one of two runs: `429-date@fal.run#1`",
        "- 2 situations not tried",
    ]


def test_a_client_that_does_nothing_wrong_says_so_and_each_has_a_part() -> None:
    good = {**REPORT, "findings": [], "notes": []}
    reports = {one.name: {**good, "versions": one.versions} for one in CLIENTS}
    made = page(reports, "a machine")
    assert made.startswith("On a machine.\n")
    assert made.count("- nothing is wrong, and nothing to look at") == len(CLIENTS)
    assert [line for line in made.splitlines() if line.startswith("**")] == [
        f"**{one.versions}**" for one in CLIENTS
    ]


@pytest.mark.e2e
@needs("node", "npm")
@pytest.mark.parametrize("client", [one for one in CLIENTS if not one.is_python], ids=lambda one: one.name)
def test_the_happy_path_of_a_javascript_client_can_be_explored(client: Client) -> None:
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "fauxscale_contracts",
                "explore",
                "--max",
                "1",
                "--fail",
                "never",
                "--json",
            ),
            *("--", "node", client.program.name),
        ],
        cwd=installed(client.program.parent),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [one["staged"] for one in json.loads(done.stdout)["findings"]]
