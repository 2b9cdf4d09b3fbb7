"""Tables name scenarios and replies by their ids, and what they name wrongly is refused, not passed over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fauxscale_contracts import Expect
from fauxscale_contracts.conform.baseline import Baseline, read
from fauxscale_contracts.conform.candidate import CannotRun
from fauxscale_contracts.conform.function import Function
from fauxscale_contracts.conform.replies import Replies, boundary_replies
from fauxscale_contracts.conform.selection import matches, unmatched
from fauxscale_contracts.conform.stage import open_server
from fauxscale_contracts.conform.verdicts import Finding
from tests.contracts.conform.clients.ideogram import Client, Failed
from tests.contracts.conform.programs import conform


def test_an_id_of_a_reply_is_its_own_pattern() -> None:
    names = [f"reply-{name}" for name, _ in boundary_replies("ideogram")]
    assert any("[0]" in name for name in names)
    assert [name for name in names if not matches(name, name)] == []
    assert matches("reply-valid:data[0].url=null", "reply-valid:*")


def test_an_id_of_a_reply_in_a_baseline_accepts_it(tmp_path: Path) -> None:
    baseline = tmp_path / "gaps"
    baseline.write_text("reply-valid:data[0].url=null  # later\n", encoding="utf-8")
    found = read(baseline, "ideogram").settle(
        Finding("reply-valid:data[0].url=null", "FAIL", "", None, "", ("x",))
    )
    assert (found.verdict, found.reason) == ("accepted", "later")
    held = Finding("reply-valid:data[0].url=null", "PASS", "", None, "")
    assert Baseline({held.id: ""}).stale([held]) == [held.id]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("error-40O", "no scenario or reply of ideogram matches 'error-40O', did you mean 'error-40"),
        ("reply-valid:data[0].url=nul", "did you mean 'reply-valid:data[0].url=null'?"),
        ("zzz-*", "no scenario or reply of ideogram matches 'zzz-*'"),
    ],
)
def test_a_line_of_a_baseline_that_accepts_nothing_is_refused(tmp_path: Path, line: str, said: str) -> None:
    baseline = tmp_path / "gaps"
    baseline.write_text(f"wrong-key\n{line}\n", encoding="utf-8")
    with pytest.raises(CannotRun) as refused:
        read(baseline, "ideogram")
    assert said in str(refused.value)


def test_ids_of_every_api_version_are_known() -> None:
    late = {f"reply-{name}" for name, _ in boundary_replies("ideogram", "2026-10")}
    assert late - {f"reply-{name}" for name, _ in boundary_replies("ideogram", "2026-04")}
    assert unmatched("ideogram", late) == []
    assert unmatched("ideogram", ["reply-hostile:generated", "picture-*"]) == []


def test_the_list_names_the_replies_where_they_are_asked_for() -> None:
    done = conform(
        "ideogram", "--list", "--fuzz", "1", "-k", "reply-valid:data=none", "-k", "picture-jpeg-grey"
    )
    assert done.stdout.splitlines()[1:] == [
        "reply-valid:data=none: must return the picture or fail cleanly",
    ]


# Tables of a test class

CLASSES = {
    "pass": "no provider: choose from ideogram, aigateway, lumenfall, fal",
    "provider = 'idiogram'": "provider = 'idiogram', did you mean 'ideogram'? choose from ideogram, aigateway,",
    "provider, api_version, fuzz = 'ideogram', '2026-1O', 0": "no ideogram contract of '2026-1O'",
    "provider, xfail = 'ideogram', {'sloww': ''}": (
        "xfail: no scenario or reply of ideogram matches 'sloww', did you mean 'slow'?"
    ),
    "provider, expected = 'ideogram', {'eror-400': Expect()}": (
        "expected: no scenario or reply of ideogram matches 'eror-400', did you mean 'error-400'?"
    ),
    "provider, scenarios = 'ideogram', '2026-1O'": "scenarios = '2026-1O', did you mean '2026-11'? choose from 2026-11",
    "provider, operation = 'ideogram', 'drawing'": (
        "operation = 'drawing': ideogram has generate, edit, describe, v2-upscale"
    ),
    "provider, limit = 'ideogram', 0": "limit = 0: expected a number of seconds",
    "provider, fuzz = 'ideogram', -1": "fuzz = -1: expected a number of replies",
}


def test_classes_that_declare_what_cannot_be_are_not_collected_and_say_why(tmp_path: Path) -> None:
    source = "from fauxscale_contracts import ClientConformance, Expect\n"
    for number, lines in enumerate(CLASSES):
        source += f"class Test{number}(ClientConformance):\n    {lines}\n"
    (tmp_path / "test_client.py").write_text(source, encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-W", "error", "--collect-only"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 2
    for number, said in enumerate(CLASSES.values()):
        assert f"Test{number}: {said}" in done.stdout
    assert "suite.py" not in done.stdout  # no traceback
    assert "Warning" not in done.stdout


# What else is right for a client, at a reply


def test_what_is_expected_of_a_client_at_a_reply_can_be_declared() -> None:
    body: Any = dict(boundary_replies("ideogram"))["valid:as-recorded"]
    with open_server("ideogram") as mock:
        with Replies(mock, "ideogram", Function(Client().upscale, (Failed,))) as replies:
            good = replies.play("valid:as-recorded", body, Expect())
            strict = replies.play("valid:as-recorded", body, Expect(outcome="fail", charges=0))
            idle = replies.play("valid:as-recorded", body, Expect(calls=(2, 2)))
            generated = replies.fuzz("valid", 3, None, Expect(outcome="either", charges=0))
    assert (good.verdict, good.expected) == ("PASS", "must succeed, must not retry, must not pay twice")
    assert strict.faults == ("says it succeeded", "paid once, 0 at most")
    assert idle.faults == ("called once, 2 at least",)
    assert generated.faults == ("paid once, 0 at most",)
