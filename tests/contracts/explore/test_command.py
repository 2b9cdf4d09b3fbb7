"""`fauxscale-contracts explore` runs a command in any language again, once for each situation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fauxscale_contracts.cli import main

CLIENT = """
import os, sys, httpx
PICTURE = bytes.fromhex({picture!r})
for _ in range({tries}):
    try:
        reply = httpx.post(
            os.environ["IDEOGRAM_BASE_URL"] + "/upscale",
            headers={{"Api-Key": os.environ["IDEOGRAM_API_KEY"]}},
            files={{"image_file": PICTURE, "image_request": (None, "{{}}", "application/json")}},
        )
        break
    except httpx.TransportError:
        continue
else:
    sys.exit("no reply")
reply.raise_for_status()
"""


def program(tmp_path: Path, tries: int) -> list[str]:
    from tests.pictures import picture

    file = tmp_path / "client.py"
    file.write_text(CLIENT.format(picture=picture().hex(), tries=tries))
    return [sys.executable, str(file)]


def explore(*words: str) -> Result:
    return CliRunner().invoke(main, ["explore", *words])


@pytest.mark.e2e
def test_a_client_that_pays_twice_is_wrong_and_one_that_gives_up_is_not(tmp_path: Path) -> None:
    files = ["--html", str(tmp_path / "x.html"), "--markdown", str(tmp_path / "x.md")]
    done = explore("--max", "3", "--jobs", "2", *files, "--", *program(tmp_path, 3))
    assert done.exit_code == 1, done.output
    assert "paid 2 times for one piece of work" in done.stdout
    assert "[3/3] " in done.stderr
    assert "paid 2 times" in (tmp_path / "x.html").read_text()
    assert "paid 2 times" in (tmp_path / "x.md").read_text()
    good = explore("--max", "3", "--json", "--", *program(tmp_path, 1))
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["summary"]["fine"] == 3


@pytest.mark.e2e
def test_what_is_accepted_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("* lost-reply* # known since May\n* cut-reply* # known as well\n")
    done = explore("--max", "3", "--baseline", str(tmp_path / "known"), "--", *program(tmp_path, 3))
    assert done.exit_code == 0, done.output
    assert "known since May" in done.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--", "no-such-program-here"), "cannot be started"),
        (("--", sys.executable, "-c", "pass"), "made no call"),
        (
            ("--", sys.executable, "-c", "import sys; sys.exit('broken')"),
            "fails in the normal run: exit 1: broken",
        ),
        (
            (
                "--",
                sys.executable,
                "-c",
                "import sys; sys.exit('Error: no link\\n  at x.mjs\\nNode.js v20.20.2')",
            ),
            "fails in the normal run: exit 1: Error: no link",
        ),
        (("--limit", "0.2", "--", sys.executable, "-c", "while True: pass"), "still running after 0.2 s"),
        (("--baseline", "nowhere", "--", "true"), "cannot be read"),
    ],
)
def test_what_cannot_be_explored_says_why(words: tuple[str, ...], why: str) -> None:
    done = explore(*words)
    assert done.exit_code == 2, done.output
    assert why in done.stderr
    assert "Traceback" not in done.output
