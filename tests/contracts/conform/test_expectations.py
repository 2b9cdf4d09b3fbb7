"""A file says what else is right for a program; what it says wrongly is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fauxscale_contracts import Expect
from fauxscale_contracts.conform.candidate import CannotRun
from fauxscale_contracts.conform.expectations import expected_in, read
from tests.contracts.conform.programs import conform

# Calls once, and fails cleanly whatever it is told.
GIVES_UP = """
import os, urllib.request
key = {"Api-Key": os.environ["IDEOGRAM_API_KEY"]}
ask = urllib.request.Request(os.environ["IDEOGRAM_BASE_URL"] + "/upscale", b"x", key)
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ask)
"""
TABLES = """
["429-*"]
outcome = "fail"
calls = [1, 1]
charges = 0

[503-hint]
outcome = "either"
waits = 0.5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "expected.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_reads_as_the_table_of_a_test_class(tmp_path: Path) -> None:
    table = read(written(tmp_path, TABLES), "ideogram")
    assert table == {
        "429-*": Expect(outcome="fail", calls=(1, 1), charges=0),
        "503-hint": Expect(outcome="either", waits=0.5),
    }
    assert expected_in(table, "429-zero") == table["429-*"]
    assert expected_in(table, "error-400") is None
    assert read(None, "ideogram") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[429-zer]", "no scenario or reply of ideogram matches '429-zer', did you mean '429-zero'?"),
        ("429-zero = 1", "'429-zero': expected a table with outcome, calls, waits"),
        ("[429-zero]\noutcome = 'lose'", "outcome = 'lose': expected one of succeed, fail, either"),
        ("[429-zero]\nformat = 'GIF'", "format = 'GIF': expected one of PNG, JPEG, WEBP"),
        ("[429-zero]\ncalls = 2", "calls = 2: expected two numbers, least and most"),
        ("[429-zero]\ncalls = [2, 1]", "calls = [2, 1]: expected two numbers"),
        ("[429-zero]\ncalls = [1, 'x']", "calls = [1, 'x']: expected two numbers"),
        ("[429-zero]\ncharges = true", "charges = True: expected a number"),
        ("[429-zero]\nwaits = -1", "waits = -1: expected a number of seconds"),
        ("[429-zero]\nwaits = inf", "waits = inf: expected a number of seconds"),
        ("[429-zero]\nretries = 1", "retries is unknown: choose from outcome, calls, waits"),
        ("[429-zero", "cannot be read"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CannotRun) as refused:
        read(path, "ideogram")
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_a_program_is_judged_by_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, TABLES)
    client = [sys.executable, "-c", GIVES_UP, "{image}", "{output}"]
    words = ("ideogram", "-k", "429-zero", "-k", "error-400", "--json", "--limit", "60")
    judged = conform(*words, "--expect", str(path), "--", *client)
    plain = conform(*words, "--", *client)
    assert (judged.exit_code, plain.exit_code) == (0, 1)
    first = json.loads(judged.stdout)["scenarios"][1]
    assert first["expected"] == "must fail cleanly, must not retry, must not pay"
    assert first["calls"] == {"made": 1, "least": 1, "most": 1}


def test_a_file_that_is_wrong_ends_the_command_with_2(tmp_path: Path) -> None:
    path = written(tmp_path, "[eror-400]")
    for words in (("--list",), ("--", "true", "{image}", "{output}")):
        done = conform("ideogram", "--expect", str(path), *words)
        assert done.exit_code == 2
        assert "did you mean 'error-400'?" in done.stderr


def test_the_list_tells_what_the_file_expects(tmp_path: Path) -> None:
    done = conform("ideogram", "--expect", str(written(tmp_path, TABLES)), "--list", "-k", "429-zero")
    assert done.stdout.endswith(": must fail cleanly, must not retry, must not pay\n")
