"""`fauxscale serve --state DIR`: what was acknowledged is there after a restart, however the server ended."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import MockServer
from fauxscale.cli import main
from tests.calls.ideogram import upscale
from tests.served import serving, stage_of
from tests.stages import Stage


@contextmanager
def kept(state: Path, port: str, *flags: str) -> Generator[tuple[Stage, str, subprocess.Popen[str]]]:
    """A server that keeps its state, on the same port each time: links name it."""
    with serving("--state", str(state), "--port", port, *flags) as (ready, process), httpx.Client() as client:
        yield stage_of(ready, client), str(ready["control"]), process


def accounts(client: httpx.Client, control: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{control}/accounts").json()["accounts"]
    return found


@pytest.fixture
def port() -> str:
    with MockServer() as mock:
        return mock.url.rpartition(":")[2]


@pytest.mark.parametrize("end", ["terminate", "kill"])
@pytest.mark.parametrize("flags", [(), ("--key", "k", "--balance", "1")], ids=["open", "guarded"])
def test_a_restart_keeps_links_money_faults_and_clock(
    end: str, flags: tuple[str, ...], tmp_path: Path, port: str
) -> None:
    with kept(tmp_path / "state", port, *flags) as (stage, control, process):
        first = upscale(stage, key="k").json()["data"][0]["url"]
        picture = stage.http.get(first).content
        api = f"{control}/accounts/{accounts(stage.http, control)[0]['id']}"
        fault = {"fault": "Fail", "status": 503, "on": "ideogram.upscale", "times": 2}
        assert stage.http.post(f"{api}/faults", json=fault).status_code == 201
        assert upscale(stage, key="k").status_code == 503
        stage.http.post(f"{api}/clock/freeze", json={"at": "2027-01-31T12:00:00Z"})
        stage.http.patch(f"{api}/settings", json={"rate_limit": 77})
        before = {name: stage.http.get(f"{api}/{name}").json() for name in PARTS}
        getattr(process, end)()
        process.wait(60)
    with kept(tmp_path / "state", port, *flags) as (stage, control, _):
        api = f"{control}/accounts/{accounts(stage.http, control)[0]['id']}"
        assert {name: stage.http.get(f"{api}/{name}").json() for name in PARTS} == before
        stage.http.post(f"{api}/links/renew", json={})
        renewed = stage.http.get(f"{api}/links").json()["links"][0]["url"]
        assert stage.http.get(renewed).content == picture
        assert [upscale(stage, key="k").status_code for _ in range(2)] == [503, 200]


PARTS = ("ledger", "faults", "links", "clock", "settings", "calls", "totals")


def test_a_link_that_was_given_out_before_downloads_after(tmp_path: Path, port: str) -> None:
    with kept(tmp_path / "state", port, "--key", "k") as (stage, _, process):
        link = upscale(stage, key="k").json()["data"][0]["url"]
        process.kill()
        process.wait(60)
    with kept(tmp_path / "state", port, "--key", "k") as (stage, _, _):
        answer = stage.http.get(link)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with kept(tmp_path / "other", port, "--key", "k") as (stage, _, _):
        assert stage.http.get(link).status_code != 200, "another folder knows nothing of it"


def test_whatever_was_answered_before_a_kill_was_charged_and_is_there(tmp_path: Path, port: str) -> None:
    answered: list[str] = []
    enough = threading.Event()

    def work(stage: Stage) -> None:
        with httpx.Client() as client, suppress(httpx.TransportError):
            while True:
                reply = upscale(Stage("socket", stage.mock, client), key="k")
                answered.append(reply.json()["data"][0]["url"])
                if len(answered) >= 20:
                    enough.set()

    with kept(tmp_path / "state", port, "--key", "k") as (stage, _, process), ThreadPoolExecutor() as pool:
        working = [pool.submit(work, stage) for _ in range(3)]
        assert enough.wait(60)
        process.kill()
        for one in working:
            one.result(60)
    with kept(tmp_path / "state", port, "--key", "k") as (stage, control, _):
        account = accounts(stage.http, control)[0]["id"]
        charges = stage.http.get(f"{control}/accounts/{account}/ledger").json()["charges"]
        assert len(answered) <= len(charges) <= len(answered) + 3, (
            "at most what was still on its way to its client"
        )
        assert {stage.http.get(link).status_code for link in answered} == {200}


def test_a_folder_serves_one_server_at_a_time(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    with MockServer(store=f"file:{state}"):
        result = CliRunner().invoke(main, ["serve", "--port", "0", "--state", state])
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert "another server uses it" in result.output
    with MockServer(store=f"file:{state}") as mock:
        assert mock.account().balance is None


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "state.sqlite").write_text("no database at all" * 100)
    (tmp_path / "newer").mkdir()
    with sqlite3.connect(tmp_path / "newer" / "state.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for name, said in [
        ("file", "File exists"),
        ("broken", "file is not a database"),
        ("newer", "was written by another version of fauxscale"),
    ]:
        result = CliRunner().invoke(main, ["serve", "--port", "0", "--state", str(tmp_path / name)])
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
        assert said in result.output
    for others in (("--store", "redis://127.0.0.1:1/0"), ("--workers", "2")):
        assert CliRunner().invoke(main, ["serve", "--state", str(tmp_path), *others]).exit_code == 2


def test_nobody_else_may_read_the_folder_and_no_key_is_in_it(tmp_path: Path) -> None:
    secret = "sk-live-0123456789abcdef0123456789abcdef"
    with kept(tmp_path / "state", "0", "--key", secret) as (stage, _, process):
        assert upscale(stage, key=secret).status_code == 200
        process.kill()
        process.wait(60)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    files = [file for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert len(files) >= 2
    assert not [file for file in files if secret.encode() in file.read_bytes()]


def test_pictures_that_nothing_leads_to_go_and_equal_ones_are_kept_once(tmp_path: Path) -> None:
    with MockServer(store=f"file:{tmp_path / 'state'}") as mock:
        stage = Stage("socket", mock, httpx.Client())
        for _ in range(3):
            assert upscale(stage, key="k").status_code == 200
        pictures = tmp_path / "state" / "pictures"
        assert len(list(pictures.iterdir())) == 1
        mock.reset()
        assert list(pictures.iterdir()) == []
        stage.http.close()
