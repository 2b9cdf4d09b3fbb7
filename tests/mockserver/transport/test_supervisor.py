"""A supervisor keeps as many processes serving as it was told: with programs that do nothing but serve, or die."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fauxscale.transport import supervisor
from fauxscale.transport.listener import listen
from fauxscale.transport.supervisor import Supervisor, WorkersFailed
from tests.processes import kill, lives, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

# Notes its process in a file of the folder it is handed, and does what workers do until it is killed.
SERVING = """
import os, pathlib, sys
folder = pathlib.Path(sys.stdin.readline().strip())
print('{"state": "waiting", "notes": ["a note"]}', flush=True)
if sys.stdin.readline() == "go\\n":
    (folder / str(os.getpid())).touch()
    print('{"state": "serving"}', flush=True)
    sys.stdin.read()
"""
DYING = SERVING.replace("sys.stdin.read()", "os._exit(3)")


class Kept:
    """A supervisor under test: the processes that have served so far, by the notes they leave."""

    def __init__(self, folder: Path, program: str, count: int) -> None:
        self.folder = folder
        self.sock = listen("127.0.0.1", 0)
        self.supervisor = Supervisor(
            (sys.executable, "-c", program), lambda descriptor: f"{folder}\n".encode(), self.sock, count
        )

    def served(self) -> set[int]:
        return {int(file.name) for file in self.folder.iterdir()}

    def run(self, work: Callable[[], None]) -> None:
        """Serve, do something in a thread once all answer, and end."""

        async def main() -> None:
            ready = asyncio.Event()
            serving = asyncio.ensure_future(self.supervisor.serve(ready.set))
            began = asyncio.ensure_future(ready.wait())
            await asyncio.wait([serving, began], return_when=asyncio.FIRST_COMPLETED)
            try:
                if began.done():
                    await asyncio.to_thread(work)
            finally:
                began.cancel()
                self.supervisor.end()
                await serving

        try:
            asyncio.run(main())
        finally:
            self.sock.close()


def test_as_many_serve_as_were_asked_for_and_none_is_left(tmp_path: Path) -> None:
    kept = Kept(tmp_path, SERVING, 3)
    kept.run(lambda: None)
    assert len(kept.served()) == 3
    assert not any(map(lives, kept.served()))
    assert kept.supervisor.notes == ["a note"]


def test_another_takes_the_place_of_one_that_dies_and_of_two_at_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path, SERVING, 2)

    def work() -> None:
        one, other = kept.served()
        kill(one)
        assert until(lambda: len(kept.served()) == 3)
        (third,) = kept.served() - {one, other}
        kill(other)
        kill(third)
        assert until(lambda: len(kept.served()) == 5)

    kept.run(work)


def test_what_dies_again_and_again_is_replaced_more_and_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 6:
            await asyncio.Event().wait()

    monkeypatch.setattr(supervisor, "wait", wait)

    def work() -> None:
        assert until(lambda: len(pauses) > 6)

    Kept(tmp_path, DYING, 1).run(work)
    assert pauses == [0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]


def test_workers_that_cannot_begin_end_the_start_with_their_reason(tmp_path: Path) -> None:
    program = """
print('{"state": "failed", "failed": "no such recording", "misuse": true}', flush=True)
"""
    with pytest.raises(WorkersFailed, match=r"^no such recording$") as failed:
        Kept(tmp_path, program, 2).run(lambda: pytest.fail("it serves"))
    assert failed.value.misuse


def test_a_worker_that_dies_without_a_word_is_told_by_its_exit_status(tmp_path: Path) -> None:
    with pytest.raises(WorkersFailed, match=r"^a worker ended \(exit status 3\) before it answered$"):
        Kept(tmp_path, "raise SystemExit(3)", 1).run(lambda: pytest.fail("it serves"))


def test_a_worker_that_hangs_is_ended_where_another_cannot_begin(tmp_path: Path) -> None:
    program = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.stdin.readline().strip())
try:
    os.mkdir(f"{folder}.hangs")
except FileExistsError:  # the other hangs
    while not list(folder.iterdir()):
        time.sleep(0.01)
    sys.exit(3)
os.close(1)
(folder / str(os.getpid())).touch()
time.sleep(60)
"""
    kept = Kept(tmp_path / "notes", program, 2)
    kept.folder.mkdir()
    with pytest.raises(WorkersFailed, match="exit status 3"):
        kept.run(lambda: pytest.fail("it serves"))
    (hanging,) = kept.served()
    assert not lives(hanging)


def test_processes_that_do_not_end_when_told_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_END_SECONDS", 0.1)
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVING.replace(
        "sys.stdin.read()", "signal.pause()"
    )
    kept = Kept(tmp_path, deaf, 1)
    kept.run(lambda: None)
    assert len(kept.served()) == 1
    assert not any(map(lives, kept.served()))
