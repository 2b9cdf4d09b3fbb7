"""Any server is held against a contract by one command: kept, broken, or no verdict, with HAR and JUnit."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fauxscale import Fail, MockServer, Settings
from fauxscale_contracts import load
from fauxscale_contracts.check.fitting import fitted, is_real
from fauxscale_contracts.check.run import NotRun, let_in, try_key
from fauxscale_contracts.cli import main
from fauxscale_contracts.profiles.installed import BUILT_IN, profile
from fauxscale_contracts.record.secrets import scan

pytestmark = pytest.mark.e2e  # each is a run of Schemathesis

PROVIDERS = tuple(one.name for one in BUILT_IN)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as running:
        yield running


def check(base_url: str, key: str, *words: str) -> Result:
    """Check the operation that does the work; all of them would take minutes."""
    of = next(one for one in BUILT_IN if f"/{one.name}" in base_url)
    work = next(probe.operation for probe in of.probes if probe.cost)
    runner = CliRunner(env={"FAUXSCALE_CHECK_KEY": key})
    return runner.invoke(
        main, ["check", "--base-url", base_url, "--operation", work, "--examples", "3", *words]
    )


def test_the_stand_in_keeps_the_contract_and_the_reports_hold_no_key(
    mock: MockServer, tmp_path: Path
) -> None:
    key = mock.account().api_key("ideogram")
    har, junit = tmp_path / "a.har", tmp_path / "a.xml"
    done = check(mock.base_url("ideogram"), key, "--har", str(har), "--junit", str(junit))
    assert done.exit_code == 0, done.stdout + done.stderr
    entries = json.loads(har.read_text())["log"]["entries"]
    assert len(entries) > 20
    assert {entry["response"]["status"] for entry in entries} >= {200, 400, 403, 405}
    assert ElementTree.parse(junit).getroot().get("failures") in (None, "0")
    for text in (har.read_text(), junit.read_text(), done.stdout, done.stderr):
        assert key not in text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_stand_in_is_entered_before_it_is_judged(mock: MockServer, provider: str) -> None:
    key = mock.account().api_key(provider)
    tried = asyncio.run(try_key(profile(provider), mock.base_url(provider), key))
    assert [one.reply.status for one in tried.values() if one.reply] == [200]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("key", ["somebody-elses-secret", "fauxscale"])
def test_a_server_that_refuses_the_key_gets_no_verdict(mock: MockServer, provider: str, key: str) -> None:
    result = CliRunner().invoke(main, ["check", "--base-url", mock.base_url(provider), "--key", key])
    assert result.exit_code == 2
    assert "no verdict: the key was refused: " in result.stderr
    assert "somebody-elses-secret" not in result.output


def test_the_free_call_tells_and_no_money_is_spent_where_there_is_one(mock: MockServer) -> None:
    account = mock.account()
    key = account.api_key("lumenfall")
    asyncio.run(try_key(profile("lumenfall"), mock.base_url("lumenfall"), key))
    assert ([call.operation for call in account.calls], account.spend) == (["lumenfall.models"], 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_probe_that_is_paid_for_is_sent_once_and_its_picture_read_once(
    mock: MockServer, provider: str
) -> None:
    account = mock.account()
    done = check(mock.base_url(provider), account.api_key(provider))
    assert done.exit_code == 0, done.stdout + done.stderr
    # Schemathesis' calls, which come after ours, name it.
    own = [one for one in account.calls if one.request_headers["user-agent"].startswith("python-httpx")]
    assert len([one for one in own if one.cost]) == 1
    assert len(account.calls.downloads) == 1


def test_a_server_of_which_nothing_but_refusals_were_seen_gets_no_verdict(mock: MockServer) -> None:
    account = mock.account()
    account.faults.add(Fail(402), on="ideogram", times=None)  # of calls that cost nothing as well
    done = check(mock.base_url("ideogram"), account.api_key("ideogram"))
    assert done.exit_code == 2, done.stdout + done.stderr
    assert "no verdict: no call with this key succeeded" in done.stderr
    assert "answered 402" in done.stderr


def test_one_success_of_the_run_is_enough_where_the_first_calls_are_unknown(
    mock: MockServer, tmp_path: Path
) -> None:
    key = mock.account().api_key("fal")
    tried = asyncio.run(try_key(profile("fal"), f"{mock.url}/fal/rest", key))
    assert [one.reply.status for one in tried.values() if one.reply] == [404]
    har = tmp_path / "a.har"
    for address, expected in (("storage/auth/token", True), (".well-known/jwks.json", False)):
        entry = {
            "request": {"method": "POST" if expected else "GET", "url": f"{mock.url}/fal/rest/{address}"}
        }
        har.write_text(json.dumps({"log": {"entries": [{**entry, "response": {"status": 200}}]}}))
        assert let_in(load("fal"), har) == expected


def test_a_report_holds_no_secret_a_scan_would_find(mock: MockServer, tmp_path: Path) -> None:
    har = tmp_path / "check.har"
    done = check(
        mock.base_url("fal"),
        mock.account().api_key("fal"),
        "--har",
        str(har),
        "--junit",
        f"{har}.xml",
        "--operation",
        "fal.initiate",
    )
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "sig=" in har.read_text()
    assert scan(tmp_path) == []
    assert f"- HAR: {har}\n" in done.stdout


def test_no_file_is_named_that_is_not_there_afterwards(mock: MockServer) -> None:
    done = check(mock.base_url("ideogram"), mock.account().api_key("ideogram"))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    assert "Reports:" not in done.stdout
    assert "fauxscale-check-" not in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(("har", "code"), [("/dev/full", 2), ("/dev/null", 0)])
def test_a_report_that_cannot_be_kept_is_no_success(mock: MockServer, har: str, code: int) -> None:
    done = check(mock.base_url("ideogram"), mock.account().api_key("ideogram"), "--har", har)
    assert done.exit_code == code, done.stdout + done.stderr
    assert ("/dev/full cannot be written: No space left on device" in done.stderr) == (code == 2)
    assert "Traceback" not in done.stderr


def test_schemathesis_own_failure_is_no_verdict(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fauxscale_contracts.check.run.CHECKS", ("no_such_check",))
    key = mock.account().api_key("ideogram")
    result = CliRunner().invoke(main, ["check", "--base-url", mock.base_url("ideogram"), "--key", key])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "no verdict: Schemathesis ended with 2"


def running(parent: int) -> list[Path]:
    """The folders of /proc of a process's children."""
    return [
        Path("/proc", child)
        for task in Path("/proc", str(parent), "task").iterdir()
        for child in (task / "children").read_text().split()
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_check_stops_asking_leaves_nothing_and_gives_no_verdict(
    mock: MockServer, tmp_path: Path, sign: signal.Signals, code: int
) -> None:
    account = mock.account()
    key = account.api_key("ideogram")
    program = "from fauxscale_contracts.cli import main; main()"
    words = ["check", "--base-url", mock.base_url("ideogram"), "--examples", "5000"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FAUXSCALE_CHECK_KEY": key, "TMPDIR": str(tmp_path)},
    )
    try:
        deadline = time.monotonic() + 60
        while len(account.calls) < 10:  # the second and later are Schemathesis' own
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (child,) = running(process.pid)
        left = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
        process.send_signal(sign)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, told.splitlines()[-1]) == (code, "no verdict: interrupted")
    assert "Traceback" not in told
    assert not child.exists()
    assert left
    assert key.encode() not in b"".join(left), "of a killed check, all that stays behind is without the key"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [None, "", '{"log": {"entries": [', "{}"])
def test_without_a_record_of_the_calls_there_is_no_verdict(tmp_path: Path, text: str | None) -> None:
    har = tmp_path / "a.har"
    if text is not None:
        har.write_text(text)
    with pytest.raises(NotRun, match="no record of its calls"):
        let_in(load("ideogram"), har)


def test_a_server_that_takes_any_key_is_found_out(tmp_path: Path) -> None:
    junit = tmp_path / "a.xml"
    with MockServer() as careless:
        done = check(careless.base_url("ideogram"), "some-key", "--junit", str(junit))
    assert done.exit_code == 1
    assert "<failure" in junit.read_text()


def test_an_answer_that_is_not_on_record_is_found(mock: MockServer) -> None:
    account = mock.account()
    account.faults.add(Fail(418), on="ideogram.upscale", times=None)
    done = check(mock.base_url("ideogram"), account.api_key("ideogram"))
    assert done.exit_code == 1
    assert "418" in done.stdout


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_contract_is_made_to_fit_below_the_base_url_of_clients(mock: MockServer, provider: str) -> None:
    document, url = fitted(profile(provider), load(provider), mock.base_url(provider))
    assert url == f"{mock.url}/{provider}"
    assert all(path in load(provider).document["paths"] for path in document["paths"])
    assert not any(path.endswith(".png") for path in document["paths"])


@pytest.mark.parametrize(
    ("provider", "base_url", "paths"),
    [
        ("fal", "https://fal.run", ["/fal-ai/ideogram/upscale"]),
        (
            "ideogram",
            "https://api.ideogram.ai",
            [one for one in load("ideogram").document["paths"] if not one.endswith(".png")],
        ),
    ],
)
def test_at_the_service_itself_it_is_what_that_host_answers(
    provider: str, base_url: str, paths: list[str]
) -> None:
    assert is_real(load(provider), base_url)
    document, url = fitted(profile(provider), load(provider), base_url)
    assert (list(document["paths"]), url) == (paths, base_url)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--base-url", "https://api.ideogram.ai"], "may charge for hundreds of calls; add --spend"),
        (["--base-url", "http://127.0.0.1:1/ideogram"], "http://127.0.0.1:1/ideogram cannot be reached"),
        (["--base-url", "http://127.0.0.1:1"], "the provider cannot be told from"),
        (["--base-url", "http://127.0.0.1:1/fal", "--api-version", "1999"], "no fal contract of '1999'"),
    ],
)
def test_what_cannot_be_told_ends_with_two(words: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["check", *words])
    assert result.exit_code == 2
    assert result.stderr.startswith("no verdict: ")
    assert says in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--key", ""], "'--key': the key is empty"),
        (["--key", "ключ"], "'--key': the key contains characters that are not allowed in a header"),
        (["--har", "nowhere/check.har"], "nowhere/check.har cannot be written"),
        (["--junit", "nowhere/check.xml"], "nowhere/check.xml cannot be written"),
        (["--examples", "0"], "Invalid value for '--examples'"),
        (["--base-url", "http://["], "Invalid value for '--base-url': 'http://['"),
        (
            ["--base-url", "http://127.0.0.1:99999"],
            "Invalid value for '--base-url': 'http://127.0.0.1:99999'",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(words: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["check", "--base-url", "http://127.0.0.1:1/ideogram", *words])
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize("library", ["schemathesis", "hypothesis"])
def test_without_a_library_there_is_no_verdict_but_the_line_that_installs_it(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(
        "fauxscale_contracts.check.run.find_spec", lambda name: None if name == library else 1
    )
    done = check(mock.base_url("ideogram"), mock.account().api_key("ideogram"))
    assert str(done.exception) == (
        f"fauxscale-contracts check needs {library}: pip install 'fauxscale[contracts]'"
    )


def test_a_schemathesis_that_cannot_be_imported_is_no_verdict(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python ends with 1 there, as Schemathesis does for a broken contract."""
    (tmp_path / "schemathesis").mkdir()
    (tmp_path / "schemathesis" / "__init__.py").write_text("import a_library_that_is_not_there")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = check(mock.base_url("ideogram"), mock.account().api_key("ideogram"))
    assert done.exit_code == 2
    assert "no verdict: Schemathesis ended with 1" in done.stderr
