"""--fauxscale-usage writes what the clients of a run use, and which test uses it; the same with workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

PROJECT = """
def test_reads_the_link(fauxscale, send):
    assert send(fauxscale).json()["data"][0]["url"]

def test_reads_the_seed(fauxscale, send):
    assert send(fauxscale).json()["data"][0].get("seed")

def test_loses_a_reply(fauxscale, send):
    from fauxscale import LoseReply
    fauxscale.faults.add(LoseReply())
    with pytest.raises(httpx.TransportError):
        send(fauxscale)
"""


def result(folder: Path) -> Any:
    document = json.loads((folder / "ideogram-2026-04.usage.json").read_text())
    answer = document["paths"]["/upscale"]["post"]["responses"]["200"]
    return answer["content"]["application/json"]["schema"]["properties"]["data"]["items"]["properties"]


def test_what_each_test_reads_is_written(run: Runs) -> None:
    done = run(PROJECT, "--fauxscale-usage=used")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["fauxscale: usage: *ideogram-2026-04.usage.json"])
    used = {name: one["x-used-by"] for name, one in result(run.pytester.path / "used").items()}
    assert used == {
        "url": ["test_it.py::test_reads_the_link"],
        "seed": ["test_it.py::test_reads_the_seed"],
    }


def test_workers_write_the_same(run: Runs) -> None:
    run.write(PROJECT)
    alone = run.apart("--fauxscale-usage=alone")
    among = run.apart("--fauxscale-usage=among", "-p", "xdist", "-n", "2")
    alone.assert_outcomes(passed=3)
    among.assert_outcomes(passed=3)
    folder = run.pytester.path
    name = "ideogram-2026-04.usage.json"
    assert json.loads((folder / "among" / name).read_text()) == json.loads(
        (folder / "alone" / name).read_text()
    )


def test_a_run_without_a_call_writes_nothing(run: Runs) -> None:
    done = run("def test_idle(fauxscale): pass", "--fauxscale-usage=used")
    done.assert_outcomes(passed=1)
    assert not (run.pytester.path / "used").exists()


def test_a_folder_that_cannot_be_written_is_said(run: Runs) -> None:
    (run.pytester.path / "used").write_text("a file")
    done = run(PROJECT, "--fauxscale-usage=used")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["fauxscale: usage: used cannot be written: *"])


def test_a_server_elsewhere_is_a_usage_error(run: Runs) -> None:
    done = run(
        "def test_idle(fauxscale): pass", "--fauxscale-usage=used", "--fauxscale-url=http://127.0.0.1:9"
    )
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--fauxscale-usage cannot be combined with --fauxscale-url*"])
