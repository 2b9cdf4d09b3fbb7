"""Guesses are settled at the service itself: priced first, nothing sent without a yes, nothing secret kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale_contracts import load
from fauxscale_contracts.cli import main
from fauxscale_contracts.observe.run import questions
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.record.secrets import scan


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as running:
        yield running


def ask(mock: MockServer, account: AccountHandle, folder: Path, *words: str) -> Any:
    command = ["observe", "ideogram", "--base-url", mock.base_url("ideogram"), "--to", str(folder), *words]
    return CliRunner().invoke(main, command, env={"FAUXSCALE_OBSERVE_KEY": account.api_key("ideogram")})


def test_what_would_be_asked_is_shown_and_priced_and_nothing_is_sent(
    mock: MockServer, tmp_path: Path
) -> None:
    account = mock.account()
    done = ask(mock, account, tmp_path / "to", "--budget", "0.50")
    assert done.exit_code == 0
    assert "4 questions, $0.12 at most" in done.stderr
    assert "nothing was sent: add --yes to send the requests" in done.stderr
    assert (len(account.calls), (tmp_path / "to").exists()) == (0, False)


def test_the_answers_are_kept_without_secrets_and_the_contract_learns(
    mock: MockServer, tmp_path: Path
) -> None:
    account, folder = mock.account(), tmp_path / "to"
    done = ask(mock, account, folder, "--budget", "0.50", "--yes")
    assert done.exit_code == 0, done.output
    assert account.spend <= 0.12
    kept = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert account.api_key("ideogram").encode() not in kept
    assert scan(folder) == []
    patch = (folder / "contract.diff").read_text()
    assert "+" in patch
    assert '"observed"' in patch
    assert patch in done.stdout
    assert json.loads((folder / "about.json").read_text())["provider"] == "ideogram"
    again = ask(mock, account, folder, "--budget", "0.50", "--yes")
    assert (again.exit_code, "is not empty: nothing was sent" in again.stderr) == (2, True)


def test_what_the_budget_does_not_pay_is_left_out_and_said() -> None:
    chosen = questions(profile("ideogram"), load("ideogram"), 0.06)
    assert chosen.most <= 0.06
    assert chosen.left_out
    assert "over the budget: " in chosen.to_text()
    assert questions(profile("ideogram"), load("ideogram"), 0.12).left_out == ()


def test_a_refused_key_is_no_observation(mock: MockServer, tmp_path: Path) -> None:
    command = ["observe", "ideogram", "--base-url", mock.base_url("ideogram"), "--to", str(tmp_path / "to")]
    done = CliRunner().invoke(main, [*command, "--budget", "1", "--yes", "--key", "a-wrong-key-1234"])
    assert (done.exit_code, "a-wrong-key-1234" in done.output) == (2, False)
    assert "key was refused" in done.stderr
