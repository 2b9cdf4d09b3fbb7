"""`fauxscale serve --workers`: several processes as one server, whichever of them dies."""

from __future__ import annotations

import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import MockServer, Settings
from fauxscale.cli import main
from tests.calls.ideogram import upscale
from tests.processes import children, kill, lives, until
from tests.redis_server import RedisServer
from tests.served import serving, stage_of
from tests.tools import needs

redis_only = needs("redis-server")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer({"requirepass": "hunter2"}) as server:
        yield server


@pytest.fixture(scope="module")
def url(redis: RedisServer) -> str:
    return redis.url.replace("redis://", "redis://:hunter2@")


def statuses(url: str, count: int) -> list[int]:
    """So many calls, each over a connection of its own."""
    return [httpx.get(f"{url}/__fauxscale/api/health").status_code for _ in range(count)]


@redis_only
def test_one_that_dies_is_replaced_and_no_connection_is_lost(url: str) -> None:
    with serving("--workers", "2", "--store", url) as (ready, process):
        assert ready["pid"] == process.pid
        assert until(lambda: len(children(process.pid)) == 3), "two serve, one waits"
        with httpx.Client(timeout=60) as client:
            key_and_link = upscale(stage_of(ready, client), key="k").json()["data"][0]["url"]
        for pid in children(process.pid)[:2]:
            kill(pid)
            assert statuses(str(ready["url"]), 20) == [200] * 20
            assert until(lambda: len(children(process.pid)) == 3)
        assert httpx.get(key_and_link, timeout=60).status_code == 200


@redis_only
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_of_them(url: str, ending: signal.Signals) -> None:
    with serving("--workers", "2", "--store", url) as (_, process):
        workers = children(process.pid)
        process.send_signal(ending)
        assert process.wait(60) == 0
        assert not any(map(lives, workers))


@redis_only
def test_a_supervisor_that_is_killed_leaves_no_process_behind(url: str) -> None:
    with serving("--workers", "2", "--store", url) as (_, process):
        assert until(lambda: len(children(process.pid)) == 3)
        workers = children(process.pid)
        process.kill()
        assert until(lambda: not any(map(lives, workers)))


@redis_only
def test_no_password_and_no_token_is_on_a_command_line_or_in_what_is_said(url: str) -> None:
    with serving("--workers", "2", "--host", "0.0.0.0", env={"FAUXSCALE_STORE": url}) as (ready, process):
        token = str(ready["control_token"])
        lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children(process.pid)]
        assert len(lines) >= 2
        assert not [line for line in lines if token in line or "hunter2" in line]
        api = str(ready["control"])
        headers = {"authorization": f"Bearer {token}"}
        made = [httpx.post(f"{api}/accounts", headers=headers, json={}).status_code for _ in range(6)]
        assert made == [201] * 6, "one token opens all"
        shown = httpx.get(f"{api}/settings", headers=headers).json()
        assert shown["rendering_memory"] == Settings().rendering_memory // 2
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert "hunter2" not in out + err


@redis_only
def test_one_certificate_serves_all(url: str) -> None:
    with serving("--workers", "2", "--store", url, "--tls") as (ready, _):
        context = ssl.create_default_context(cafile=str(ready["ca"]))
        for _ in range(6):
            assert httpx.get(f"{ready['control']}/health", verify=context).status_code == 200


@redis_only
def test_a_command_runs_with_workers(url: str, tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    program.write_text(
        "import os, sys, urllib.request\n"
        "sys.exit(urllib.request.urlopen(os.environ['FAUXSCALE_URL'] + '/__fauxscale/api/health').status - 193)"
    )
    options = ["--workers", "2", "--store", url]
    result = CliRunner().invoke(main, ["run", *options, "--", sys.executable, str(program)])
    assert result.exit_code == 7, result.output


@redis_only
def test_a_server_of_several_processes_starts_again(url: str) -> None:
    mock = MockServer(store=url, workers=2)
    for _ in range(2):
        with mock:
            assert statuses(mock.url, 3) == [200] * 3
            with pytest.raises(RuntimeError, match="the application runs in the worker processes"):
                mock.transport()


@redis_only
def test_a_broken_recording_is_told_as_by_one_process(url: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--workers", "2", "--store", url, "--replay", str(tmp_path)])
    assert result.exit_code == 2
    assert len(result.output.splitlines()) <= 4


def test_several_without_a_store_are_refused_with_what_they_need() -> None:
    result = CliRunner().invoke(main, ["serve", "--workers", "2"])
    assert result.exit_code == 2
    assert "--store redis://127.0.0.1:6379/0" in result.output


def test_what_only_one_process_can_be_told_is_refused() -> None:
    store = "redis://127.0.0.1:6379/0"
    with pytest.raises(ValueError, match="observer"):
        MockServer(store=store, workers=2, observer=print)
    with pytest.raises(ValueError, match="need a socket"):
        MockServer(store=store, workers=2, listen=False)
    with pytest.raises(ValueError, match="at least 1"):
        MockServer(store=store, workers=0)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "journals.json")
        options = ["--workers", "2", "--store", store, "--coverage", file]
        result = CliRunner().invoke(main, ["run", *options, "--", "true"])
    assert result.exit_code == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_cannot_be_reached_is_one_line(workers: str) -> None:
    store = "redis://:secret@127.0.0.1:1/0"
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--workers", workers, "--store", store])
    assert result.exit_code == 1
    assert result.output == "Error: Redis at 127.0.0.1:1 cannot be reached\n"


def test_an_address_that_is_none_is_misuse() -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--store", "localhost:6379"])
    assert result.exit_code == 2
    assert "redis://127.0.0.1:6379/0" in result.output


@redis_only
def test_each_worker_tells_of_its_own_calls(url: str) -> None:
    with serving("--workers", "2", "--store", url, "--verbose") as (ready, process):
        with httpx.Client(timeout=60) as client:
            assert upscale(stage_of(ready, client), key="k").status_code == 200
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert [line for line in err.splitlines() if "ideogram.upscale" in line]
