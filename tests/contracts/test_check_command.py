"""Any server is held against a contract by one command: kept, broken, or no verdict, with HAR and JUnit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fauxscale import Fail, MockServer, Settings
from fauxscale_contracts import load
from fauxscale_contracts.check_run import fitted, is_real
from fauxscale_contracts.cli import main

PROVIDERS = ("ideogram", "aigateway", "lumenfall", "fal")


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as running:
        yield running


def check(base_url: str, key: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = "from fauxscale_contracts.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "check", "--base-url", base_url, "--examples", "3", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "FAUXSCALE_CHECK_KEY": key},
    )


def test_the_stand_in_keeps_the_contract_and_the_reports_hold_no_key(
    mock: MockServer, tmp_path: Path
) -> None:
    key = mock.account().api_key("ideogram")
    har, junit = tmp_path / "a.har", tmp_path / "a.xml"
    done = check(mock.base_url("ideogram"), key, "--har", str(har), "--junit", str(junit))
    assert done.returncode == 0, done.stdout + done.stderr
    entries = json.loads(har.read_text())["log"]["entries"]
    assert len(entries) > 20
    assert {entry["response"]["status"] for entry in entries} >= {200, 400, 403, 405}
    assert ElementTree.parse(junit).getroot().get("failures") in (None, "0")
    for text in (har.read_text(), junit.read_text(), done.stdout, done.stderr):
        assert key not in text


def test_a_server_that_takes_any_key_is_found_out(tmp_path: Path) -> None:
    junit = tmp_path / "a.xml"
    with MockServer() as careless:
        done = check(careless.base_url("ideogram"), "some-key", "--junit", str(junit))
    assert done.returncode == 1
    assert "<failure" in junit.read_text()


def test_an_answer_that_is_not_on_record_is_found(mock: MockServer) -> None:
    account = mock.account()
    account.faults.add(Fail(418), on="ideogram.upscale")
    done = check(mock.base_url("ideogram"), account.api_key("ideogram"))
    assert done.returncode == 1
    assert "418" in done.stdout


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_contract_is_made_to_fit_below_the_base_url_of_clients(mock: MockServer, provider: str) -> None:
    document, url = fitted(load(provider), mock.base_url(provider))
    assert url == f"{mock.url}/{provider}"
    assert all(path in load(provider).document["paths"] for path in document["paths"])
    assert not any(path.endswith(".png") for path in document["paths"])


@pytest.mark.parametrize(
    ("provider", "base_url", "paths"),
    [
        ("fal", "https://fal.run", ["/fal-ai/ideogram/upscale"]),
        ("ideogram", "https://api.ideogram.ai", ["/upscale"]),
    ],
)
def test_at_the_service_itself_it_is_what_that_host_answers(
    provider: str, base_url: str, paths: list[str]
) -> None:
    assert is_real(load(provider), base_url)
    document, url = fitted(load(provider), base_url)
    assert (list(document["paths"]), url) == (paths, base_url)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--base-url", "https://api.ideogram.ai"], "may charge for hundreds of calls: add --spend"),
        (["--base-url", "http://127.0.0.1:1/ideogram"], "http://127.0.0.1:1/ideogram cannot be reached"),
        (["--base-url", "http://127.0.0.1:1"], "does not tell whose contract to take: add --provider"),
        (["--base-url", "http://127.0.0.1:1/fal", "--vintage", "1999"], "no fal contract of '1999'"),
    ],
)
def test_what_cannot_be_told_ends_with_two(words: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["check", *words])
    assert result.exit_code == 2
    assert result.stderr.startswith("no verdict: ")
    assert says in result.stderr
