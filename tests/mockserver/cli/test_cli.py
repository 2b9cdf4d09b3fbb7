"""The command line, as a user meets it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import Hang
from fauxscale.cli import main
from fauxscale.cli.serve import serve
from fauxscale.client import FauxscaleClient
from tests.calls.ideogram import upscale
from tests.served import serving, stage_of
from tests.stages import PATIENCE


def test_the_ready_line_has_the_documented_members_and_the_banner_goes_to_stderr() -> None:
    with serving() as (ready, process):
        assert list(ready) == ["url", "providers", "inspector", "control", "control_token", "pid"]
        url = str(ready["url"])
        assert ready["providers"] == {
            "ideogram": f"{url}/ideogram",
            "aigateway": f"{url}/aigateway/v1",
            "lumenfall": f"{url}/lumenfall/openai/v1",
            "fal": f"{url}/fal/run",
        }
        assert ready["control_token"] is None
        assert ready["pid"] == process.pid
        assert httpx.get(f"{ready['control']}/health").status_code == 200
        assert httpx.get(str(ready["inspector"])).status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert out == ""
        assert process.returncode == 0
        lines = err.splitlines()
        assert len(lines) <= 12
        assert "No call leaves this process" in err
        assert f"IDEOGRAM_BASE_URL={url}/ideogram" in err


def test_a_link_dies_after_its_ttl() -> None:
    with serving("--link-ttl", "100000") as (ready, _), httpx.Client(timeout=60) as client:
        url = upscale(stage_of(ready, client), key="k").json()["data"][0]["url"]
        api = f"{ready['url']}/__fauxscale/api"
        (account,) = client.get(f"{api}/accounts").json()["accounts"]
        statuses: list[int] = []
        for seconds in (
            0,
            50_000,
            50_000,
        ):  # by the account's clock: a second of the machine's decides nothing
            moved = client.post(f"{api}/accounts/{account['id']}/clock/advance", json={"seconds": seconds})
            assert moved.status_code == 200
            statuses.append(client.get(url).status_code)
        assert statuses == [200, 200, 403]


def test_flags_reach_the_server() -> None:
    flags = [
        "--key",
        "one",
        "--key",
        "two",
        "--balance",
        "0.06",
        "--api-version",
        "ideogram=2026-10",
        "--latency",
        "0.2",
    ]
    with serving(*flags, "--cors", "https://app.example", "--allow-host", "upscaler") as (ready, _):
        with httpx.Client() as client:
            stage = stage_of(ready, client)
            assert upscale(stage, key="three").status_code == 401
            started = time.perf_counter()
            first = upscale(stage, key="one")
            assert time.perf_counter() - started >= 0.2
            assert first.status_code == 200
            assert upscale(stage, key="one").status_code == 402
            assert upscale(stage, key="two").status_code == 200
            url = str(ready["url"])
            preflight = client.options(
                f"{url}/upscale",
                headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
            )
            assert preflight.headers["access-control-allow-origin"] == "https://app.example"
            assert client.get(f"{url}/nope", headers={"Host": "upscaler:2160"}).status_code == 404
            assert client.get(f"{url}/nope", headers={"Host": "evil.example"}).status_code == 403


def test_variables_mirror_flags_and_flags_win() -> None:
    env = {"FAUXSCALE_KEY": "one two", "FAUXSCALE_BALANCE": "0", "FAUXSCALE_SEED": "9"}
    with serving("--balance", "1", env=env) as (ready, _), httpx.Client() as client:
        stage = stage_of(ready, client)
        assert upscale(stage, key="two").status_code == 200
        assert upscale(stage, key="three").status_code == 403


def test_another_address_needs_a_token_that_is_made_and_told_once() -> None:
    with serving("--host", "0.0.0.0") as (ready, process):
        token = str(ready["control_token"])
        assert len(token) >= 20
        path = f"{ready['control']}/accounts"
        assert httpx.post(path).status_code == 401
        assert httpx.post(path, headers={"Authorization": f"Bearer {token}"}).status_code == 201
        assert httpx.post(path, headers={"Authorization": f"Bearer {token}x"}).status_code == 401
        assert token not in httpx.get(f"{path}?token={token}", headers={"Authorization": token}).text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert out == ""
        assert [line for line in err.splitlines() if token in line] == [f"control token  {token}"]
        assert [name for name, value in ready.items() if token in str(value)] == ["control_token"]


def first_line(*flags: str) -> str:
    """The first line that `fauxscale serve` writes to either stream; "" where it writes none."""
    command = [sys.executable, "-m", "fauxscale", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        bound = threading.Timer(30, process.kill)
        bound.start()
        try:
            return process.stdout.readline()
        finally:
            bound.cancel()
            process.kill()


@pytest.mark.e2e
def test_a_token_that_is_made_is_told_by_a_quiet_server_too() -> None:
    name, _, token = first_line("--host", "0.0.0.0", "--quiet").rpartition("  ")
    assert name == "control token"
    assert len(token) >= 20


@pytest.mark.e2e
def test_a_quiet_server_that_tells_its_token_in_json_tells_it_once() -> None:
    with serving("--quiet", "--host", "0.0.0.0") as (ready, process):
        assert ready["control_token"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--api-version", "ideogram=1999"], "must be one of 2026-04, 2026-10"),
        (["--api-version", "ideogram"], "must have the form NAME=VALUE"),
        (["--set", "ideogram.nope=1"], "unknown option 'ideogram.nope'"),
        (["--balance", "-1"], "balance must not be negative"),
        (["--port", "x"], "is not a valid integer"),
    ],
)
def test_bad_usage_is_two_and_one_line_that_says_what_is_known(flags: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["serve", *flags])
    assert result.exit_code == 2
    assert said in result.output


def test_a_taken_port_is_one_clear_line() -> None:
    with serving() as (ready, _):
        port = str(ready["url"]).rpartition(":")[2]
        result = CliRunner().invoke(main, ["serve", "--port", port])
        assert result.exit_code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in result.output
        assert len(result.output.splitlines()) == 1


def test_the_version_is_told_both_ways() -> None:
    for words in (["version"], ["--version"]):
        result = CliRunner().invoke(main, words)
        assert re.fullmatch(r"fauxscale \d+\.\d+\.\d+\n", result.output)


def test_the_doctor_finds_a_base_url_that_leads_away() -> None:
    sick = CliRunner().invoke(main, ["doctor"], env={"IDEOGRAM_BASE_URL": "https://api.ideogram.ai"})
    assert sick.exit_code == 1
    assert "! IDEOGRAM_BASE_URL points to api.ideogram.ai" in sick.output
    well = CliRunner().invoke(main, ["doctor"], env={"IDEOGRAM_BASE_URL": "http://127.0.0.1:2160/ideogram"})
    assert well.exit_code == 0
    secret = CliRunner().invoke(main, ["doctor"], env={"IDEOGRAM_API_KEY": "a-very-secret-key-indeed"})
    assert "a-very-secret-key-indeed" not in secret.output


def test_every_flag_reads_the_variable_that_the_documentation_names() -> None:
    prefix = "FAUXSCALE"
    for option in serve.params:
        variable = f"{prefix}_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
        read = option.envvar or f"{prefix}_{str(option.name).upper()}"
        assert read == variable, option.opts[0]


@pytest.mark.parametrize(
    "flags",
    [
        ["--balance", "nan"],
        ["--balance", "inf"],
        ["--link-ttl", "nan"],
        ["--link-ttl", "1e16"],
        ["--latency", "inf"],
        ["--port", "99999"],
        ["--port", "-1"],
        ["--key", ""],
        ["--set", "ideogram.max_pixels=-5"],
        ["--set", "fal.polls=nan"],
    ],
)
def test_numbers_that_make_no_sense_are_refused_at_the_door(flags: list[str]) -> None:
    result = CliRunner().invoke(main, ["serve", *flags])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_stopping_under_a_waiting_call_is_quiet() -> None:
    with serving() as (ready, process), closing(FauxscaleClient(str(ready["url"]))) as control:
        account = control.account()
        account.faults.add(Hang(), times=None)
        key = account.api_key("ideogram")
        with httpx.Client(timeout=PATIENCE) as client, pytest.raises(httpx.ReadTimeout):
            upscale(stage_of(ready, client), key=key)

        def call() -> None:
            with contextlib.suppress(httpx.TransportError), httpx.Client(timeout=60) as client:
                upscale(stage_of(ready, client), key=key)

        caller = threading.Thread(target=call)
        caller.start()
        while account.faults.list()[0].applied < 2:
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        caller.join(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in err


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_certificates_go_with_the_server_however_it_is_ended(signum: signal.Signals) -> None:
    with serving("--tls") as (ready, process):
        ca = Path(str(ready["ca"]))
        assert ca.exists()
        process.send_signal(signum)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert not ca.parent.exists()


def test_a_full_collection_looks_only_at_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("fauxscale.cli.serve")  # the package has a command of that name
    thresholds = gc.get_threshold()
    monkeypatch.setattr(gc, "callbacks", [])
    try:
        module.collect_briefly()
        kept: list[list[int]] = [[] for _ in range(1_000)]
        gc.collect()
        for one in gc.callbacks:  # the interpreter has its own list of them
            one("stop", {"generation": 2})
        looked_at = {id(one) for one in gc.get_objects()}  # all but what is frozen
        assert not any(id(one) in looked_at for one in kept)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def test_an_invalid_variable_is_named_and_not_the_option_it_stands_for() -> None:
    runner = CliRunner()
    said = runner.invoke(main, ["serve"], env={"FAUXSCALE_PORT": "xx"})
    assert (said.exit_code, "Invalid value for FAUXSCALE_PORT: 'xx'" in said.output) == (2, True), said.output
    said = runner.invoke(main, ["serve", "--port", "xx"], env={"FAUXSCALE_PORT": "7"})
    assert (said.exit_code, "Invalid value for '--port': 'xx'" in said.output) == (2, True), said.output


def test_a_host_that_there_is_not_is_blamed_on_the_host() -> None:
    said = CliRunner().invoke(main, ["serve", "--host", "nosuch.invalid", "--port", "0"])
    assert said.exit_code == 1
    assert "cannot listen on nosuch.invalid:0" in said.output
    assert "--host must be an address of this machine" in said.output
    assert "--port" not in said.output


def test_no_summary_of_a_command_is_cut_off() -> None:
    lines = CliRunner().invoke(main, ["-h"]).output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == sorted(main.commands), "a line each"
    assert [line for line in lines if line.endswith(("...", "…"))] == []
