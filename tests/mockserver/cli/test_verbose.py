"""`serve --verbose` says of every call, in one line, what came of it and why."""

from __future__ import annotations

import re

import httpx
import pytest

from fauxscale import Fail, LoseReply, MockServer
from fauxscale.cli.verbose import line
from fauxscale.state.journal import Entry
from tests.calls.ideogram import upscale
from tests.judging import JudgedClient
from tests.stages import Stage

LINES = [
    r"\d\d:\d\d:\d\d  mine  ideogram.upscale  POST /upscale  200  [\d.]+ (B|kB) in, \d+ B out  [\d.]+ ms  \$0.06",
    r".*  402  .* ms  no_funds: .*",
    r".*  503  .* ms  faults: Fail  .*configured: Fail\(503\)",
    r".*  cut  .* ms  \$0.06  faults: LoseReply.*",
    r".*  mine  ideogram.download  GET /api/images/ephemeral/\S+  200  0 B in, .* out  .* ms",
    r"\d\d:\d\d:\d\d    unmatched  GET /nonsense  404  .*not_found: no provider answers at '/nonsense'.*",
]


def test_a_line_says_whose_call_it_was_what_came_of_it_what_it_cost_and_why_it_was_refused() -> None:
    told: list[str] = []
    with (
        MockServer(journal=lambda _, label, entry: told.append(line(label, entry))) as mock,
        JudgedClient() as http,
    ):
        stage = Stage("socket", mock, http)
        account = mock.account(label="mine", balance=0.06)
        key = account.api_key("ideogram")
        link = upscale(stage, key=key).json()["data"][0]["url"]
        upscale(stage, key=key)
        account.settings(balance=1)
        account.faults.script([Fail(503), LoseReply()])
        upscale(stage, key=key)
        with pytest.raises(httpx.TransportError):
            upscale(stage, key=key)
        http.get(link)
        http.get(f"{mock.url}/nonsense?api_key={key}")
    assert len(told) == len(LINES)
    for said, expected in zip(told, LINES, strict=True):
        assert re.fullmatch(expected, said), (said, expected)
        assert key not in said
        assert "sig=" not in said


def test_a_line_holds_nothing_that_a_terminal_obeys() -> None:
    entry = Entry(
        operation="ideogram.upscale", method="GET", path="/a", rule="r", reason="\x1b[2J\nnext\u202eline"
    )
    assert line("me\x07", entry).split("  ")[1:4] == ["me?", "ideogram.upscale", "GET /a"]
    assert line("me", entry).endswith("r: ?[2J?next?line")
