"""Temporary folders end with their process, at the latest when the next server starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from fauxscale import MockServer
from fauxscale.temporary import TemporaryFolder, remove_orphans

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="nothing is removed where files have no locks"
)
SPILLING = """
import sys
import httpx
from fauxscale import MockServer, Settings
from tests.pictures import picture

with MockServer(Settings(upload_memory=1)) as mock:
    for width in (40, 50):
        form = {"image_request": (None, "{}"), "image_file": picture(width=width)}
        reply = httpx.post(mock.base_url("ideogram") + "/upscale", files=form, headers={"Api-Key": "k"})
        reply.raise_for_status()
    print("spilled", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def spilling(temporary: Path) -> Generator[subprocess.Popen[str]]:
    """A server in a process of its own that has moved uploads to disk, and ends when its input does."""
    env = {**os.environ, "TMPDIR": str(temporary)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SPILLING]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "spilled\n"
            yield process
        except BaseException:
            process.kill()
            raise


@pytest.mark.e2e
def test_the_uploads_of_a_killed_server_go_when_another_starts_and_those_of_a_living_one_stay(
    temporary: Path,
) -> None:
    with spilling(temporary) as killed:
        (left,) = temporary.iterdir()
        killed.send_signal(signal.SIGKILL)
    assert {file.name for file in left.iterdir()} > {"lock"}
    with spilling(temporary) as living:
        assert not left.exists()
        (kept,) = temporary.iterdir()
        with MockServer():
            assert {file.name for file in kept.iterdir()} > {"lock"}
        living.communicate("")
    assert list(temporary.iterdir()) == []


def test_a_folder_is_removed_with_all_that_is_in_it_and_only_once_its_process_is_gone(
    temporary: Path,
) -> None:
    folder = TemporaryFolder()
    (folder.path / "1").write_bytes(b"upload")
    remove_orphans()
    assert (folder.path / "1").read_bytes() == b"upload"
    folder.remove()
    folder.remove()
    assert list(temporary.iterdir()) == []


def test_only_folders_of_ours_are_removed(temporary: Path) -> None:
    elsewhere = temporary / "precious"
    orphan = temporary / "fauxscale-of-orphan"
    for folder in (elsewhere, orphan, temporary / "fauxscale-unknown-locked"):
        folder.mkdir()
        (folder / "upload").touch()
    for folder in (elsewhere, orphan):
        (folder / "lock").touch()
    (temporary / "fauxscale-of-link").symlink_to(elsewhere)
    remove_orphans()
    assert {path.name for path in temporary.iterdir()} == {
        "precious",
        "fauxscale-of-link",
        "fauxscale-unknown-locked",
    }
    assert {path.name for path in elsewhere.iterdir()} == {"upload", "lock"}


def test_servers_that_start_at_once_remove_each_orphan_and_no_folder_of_each_other(temporary: Path) -> None:
    orphans = [temporary / f"fauxscale-of-{number}" for number in range(40)]
    for orphan in orphans:
        orphan.mkdir()
        (orphan / "lock").touch()

    def start(number: int) -> bool:
        mine = TemporaryFolder()
        (mine.path / str(number)).touch()
        remove_orphans()
        kept = (mine.path / str(number)).exists()
        mine.remove()
        return kept

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(start, range(40)))
    remove_orphans()
    assert list(temporary.iterdir()) == []
