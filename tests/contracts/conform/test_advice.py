"""Every finding says what was staged, what was right, what happened and what to do, the same in every report."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from fauxscale_contracts.conform import report
from fauxscale_contracts.conform.advice import OPTIONS, TOPICS, explain, topic_of
from fauxscale_contracts.conform.candidate import Ending
from fauxscale_contracts.conform.scenario import Expect
from fauxscale_contracts.conform.verdicts import Finding, Measured
from tests.contracts.conform.scenarios_page import FILE, every, page

WAITED = Finding(
    "429-seconds",
    "FAIL",
    "once 429, Retry-After: 2",
    Expect(calls=(2, 2), waits=2),
    "returned (exit 0); 2 calls; waited 0.13 s; $0.06",
    ("waited 0.13 s, not 2 s",),
    measured=Measured(("returned",), 2, (0.1304,), (), 1, 60_000),
)


def test_the_page_is_made_of_the_topics_and_lists() -> None:
    assert FILE.read_text(encoding="utf-8") == page(), "python -m tests.contracts.conform.scenarios_page"


def test_every_scenario_belongs_to_a_topic_and_every_pattern_is_of_use() -> None:
    names = [*every(), "reply-valid:data=none", "result-cut", "result-stalls", "result-halved"]
    assert [one for one in names if topic_of(one) == OPTIONS and not one.startswith("options-")] == []
    for topic in TOPICS:
        assert any(topic_of(name) == topic for name in names), topic.title


def test_a_finding_is_explained_in_every_report() -> None:
    told = explain(WAITED)
    assert (told.staged, told.happened) == (WAITED.staged, "waited 0.13 s, not 2 s")
    assert told.what_to_do.startswith("Read Retry-After as a whole number")
    assert told.more == "fauxscale-contracts scenarios 429-seconds"
    run = report.Run("ideogram", "2026-04", "mine", [WAITED])
    (case,) = ElementTree.fromstring(report.as_junit(run)).iter("failure")
    (found,) = json.loads(report.as_json(run))["scenarios"]
    texts = {
        "grid": report.grid(run),
        "JUnit": case.text or "",
        "Markdown": report.as_markdown(run),
        "JSON": " ".join(str(one) for one in found.values()),
    }
    for name, text in texts.items():
        more = (
            told.more.replace("429-seconds", "ID") if name == "Markdown" else told.more
        )  # once for all rows
        for part in (told.staged, told.expected, told.happened, told.what_to_do, more):
            assert part in text, name


def test_what_was_counted_is_in_the_json_as_numbers() -> None:
    (found,) = json.loads(report.as_json(report.Run("ideogram", "2026-04", "mine", [WAITED])))["scenarios"]
    assert found["outcome"] == {"expected": "succeed", "endings": ["returned"]}
    assert found["calls"] == {"made": 2, "least": 2, "most": 2}
    assert found["waits"] == {"seconds": [0.13], "least": 2}
    assert found["charges"] == {"made": 1, "most": 1, "usd": 0.06}
    idle = Finding("slow", "not run", "", Expect(), "the command has no {seed}")
    (found,) = json.loads(report.as_json(report.Run("ideogram", "2026-04", "mine", [idle])))["scenarios"]
    assert "calls" not in found


def test_a_pass_has_nothing_to_be_done_about() -> None:
    told = explain(Finding("slow", "PASS", "the answer comes after 0.3 s", Expect(), "returned"))
    assert (told.happened, told.what_to_do, told.more, told.seen) == ("returned", "", "", "")


def test_why_a_failure_is_accepted_is_in_every_report() -> None:
    known = Finding("slow", "accepted", "", Expect(), "", ("failed",), reason="until March")
    run = report.Run("ideogram", "2026-04", "mine", [known])
    (case,) = ElementTree.fromstring(report.as_junit(run)).iter("skipped")
    for text in (report.grid(run), report.as_json(run), report.as_markdown(run), case.text or ""):
        assert "until March" in text


@pytest.mark.parametrize(
    ("ending", "said"),
    [("hung", "The client was still running at the limit"), ("crashed", "The client crashed")],
)
def test_how_a_client_ended_is_advised_on_first(ending: Ending, said: str) -> None:
    finding = Finding("slow", "FAIL", "", Expect(), "", (ending,), measured=Measured((ending, ending)))
    told = explain(finding).what_to_do
    assert told.startswith(said)
    assert told.count(said) == 1
    assert told.endswith(topic_of("slow").advice)
