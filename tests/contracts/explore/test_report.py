"""An exploration is told on a screen, as JSON, as Markdown and as a page."""

from __future__ import annotations

import json

from fauxscale import Fail
from fauxscale.client import AccountHandle
from fauxscale_contracts.explore.finding import PLAIN, Exploration, ExploredCall, timeline
from fauxscale_contracts.explore.page import as_html
from fauxscale_contracts.explore.played import Sleep, played
from fauxscale_contracts.explore.report import as_json, as_markdown, lines, summary
from tests.contracts.explore.clients import order

WRONG = ExploredCall(
    test="test_a.py::test_upload",
    situation="lost-reply@ideogram.upscale#1",
    level="wrong",
    staged="the work is done and paid for, then a connection reset loses the reply",
    reasons=("paid 2 times | for one <piece> of work",),
    timeline=("  0.00 s  ideogram.upscale",),
    kept="def test_keep(): ...",
)
LOOK = ExploredCall(
    test="test_a.py::test_upload", situation=PLAIN, level="look", staged="nothing", reasons=("pays for 2",)
)
FINE = ExploredCall(
    test="test_b.py::test_b", situation="reset@fal.run#1", level="fine", staged="the connection is reset"
)
DONE = Exploration([WRONG, FINE, LOOK], {"test_c": "it fails"}, ["2 situations left out"])


def test_the_screen_has_a_row_for_each_test_and_all_about_each_finding() -> None:
    text = "\n".join(lines(DONE))
    assert "test_a.py::test_upload  W" in text
    assert "test_b.py::test_b  ." in text
    assert "the client is wrong: test_a.py::test_upload in lost-reply@ideogram.upscale#1" in text
    assert "what to do: The work is done and paid" in text
    assert "def test_keep" in text
    assert "note: 2 situations left out" in text
    assert text.endswith("3 situations: 1 the client is wrong, 1 look at this, 1 fine")


def test_json_holds_every_finding_with_its_advice() -> None:
    body = json.loads(as_json(DONE))
    assert body["summary"] == {
        "wrong": 1,
        "look": 1,
        "accepted": 0,
        "withdrawn": 0,
        "not tried": 0,
        "not met": 0,
        "fine": 1,
    }
    assert body["findings"][0]["advice"].startswith("The work is done and paid")
    assert body["findings"][2]["advice"].startswith("Request only as many pictures")
    assert body["not_explored"] == {"test_c": "it fails"}


def test_markdown_keeps_its_table_whole() -> None:
    text = as_markdown(DONE)
    assert r"paid 2 times \| for one <piece> of work" in text
    assert "- not explored: `test_c`: it fails" in text
    assert text.count("\n| ") == 3


def test_the_page_is_whole_and_escapes_what_it_is_told() -> None:
    page = as_html(DONE)
    assert page.count('class="cell') == 3 + 3
    assert "&lt;piece&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_nothing_found_is_said_as_well() -> None:
    nothing = Exploration([])
    assert summary(nothing) == "0 situations: none was tried"
    assert "none was tried" in as_html(nothing)
    assert as_markdown(nothing) == "**Exploration**: 0 situations: none was tried.\n"


def test_what_was_found_of_a_test_that_fails_by_itself_is_withdrawn() -> None:
    done = DONE.without(["test_a.py::test_upload"])
    assert [one.level for one in done.findings] == ["withdrawn", "fine", "withdrawn"]
    assert "the test now fails in the normal run" in "\n".join(lines(done))


def test_a_finding_comes_whole_from_another_process() -> None:
    assert ExploredCall.of_members(json.loads(json.dumps(WRONG.to_members()))) == WRONG


def test_equal_lines_of_a_timeline_are_counted_and_waits_are_short(account: AccountHandle) -> None:
    account.faults.add(Fail(429), times=None)
    order(account)
    order(account)
    ended = account.calls.last.ended
    sleeps = (Sleep(ended + 1, 0.383468), Sleep(ended + 2, 0.383468), Sleep(ended + 3, 86_400.0))
    told = [line.partition(" s  ")[2] for line in timeline(played(account, sleeps=sleeps))]
    assert told == ["ideogram.upscale  429  (Fail), 2 times", "waits 0.38 s, 2 times", "waits 86,400 s", ""]


def test_a_time_out_that_ends_silence_is_told(account: AccountHandle) -> None:
    order(account)
    ended = account.calls.last.ended
    seen = played(account, timeouts=[(ended + 1, 600.0), (ended + 2, None)])
    told = [line.partition(" s  ")[2] for line in timeline(seen)]
    assert told[1:3] == ["gives up after 600 s without a reply", "would wait forever"]
