"""Programs under test leave nothing running, break no run by what they do to their files, and tell no secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from fauxscale_contracts.conform.candidate import ClientResult, Task
from fauxscale_contracts.conform.sanitize import Sanitizer
from fauxscale_contracts.conform.scenario import Expect
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stage import Stage, open_server
from fauxscale_contracts.conform.verdicts import Facts, evaluate
from tests.contracts.conform.programs import NOWHERE, command, conform, environment, gone, program
from tests.waiting import until

pytestmark = pytest.mark.e2e
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# Starts a sleeper in a session of its own, orphans it, and notes its process id.
DETACHES = """
import os, pathlib, subprocess, sys, time
if os.fork() == 0:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(["sleep", "600"], start_new_session=True, env=ENV, **quiet)
    pathlib.Path(sys.argv[3]).write_text(str(child.pid))
    os._exit(0)
os.wait()
END
"""


def detaches(end: str, env: str = "None") -> str:
    return DETACHES.replace("ENV", env).replace("END", end)


@LINUX
@pytest.mark.parametrize("end", ["raise SystemExit(1)", "time.sleep(600)"], ids=["fails", "hangs"])
def test_a_grandchild_in_a_session_of_its_own_is_ended_too(tmp_path: Path, end: str) -> None:
    noted = tmp_path / "pid"
    made = program(tmp_path, detaches(end), str(noted)).run(Task(NOWHERE, b"", limit=3))
    assert until(lambda: gone(int(noted.read_text())))
    assert made.notes == (() if made.ending == "hung" else ("left processes running",))


@LINUX
def test_the_command_ends_what_wiped_its_environment_and_spares_children_from_before(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    with subprocess.Popen(["sleep", "600"]) as mine:
        words = command(tmp_path, detaches("raise SystemExit(1)", "{}"), str(noted))
        done = conform("ideogram", "-k", "wrong-key", "--", *words)
        spared = mine.poll() is None
        mine.kill()
    assert done.exit_code == 0
    assert until(lambda: gone(int(noted.read_text())))
    assert spared


def test_a_program_is_not_charged_with_what_another_one_left(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    noted = tmp_path / "pid"
    wait = "deadline = time.monotonic() + 60\nwhile time.monotonic() < deadline: time.sleep(0.02)"
    long = command(first, detaches(wait, "None"), str(noted))
    with subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(long)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert until(noted.exists)
        made = program(second, "raise SystemExit(1)").run(Task(NOWHERE, b""))
        alive = not gone(int(noted.read_text()))
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=60)
    assert (made.notes, alive) == ((), True)


RUN = """
import json, sys
from fauxscale_contracts.conform.candidate import Endpoint, Task
from fauxscale_contracts.conform.program import Program
Program(json.loads(sys.argv[1])).run(Task(Endpoint("ideogram", "", "", {}), b""))
"""


# What a program does to its files


@pytest.mark.parametrize(
    ("code", "said"), [(0, "exit 0"), (1, "exit 1")], ids=["as if it succeeded", "as if it failed"]
)
def test_a_program_that_takes_away_its_folder_crashed_there_and_the_run_goes_on(
    tmp_path: Path, code: int, said: str
) -> None:
    source = f"import os, shutil, sys; shutil.rmtree(os.path.dirname(sys.argv[2])); sys.exit({code})"
    made = program(tmp_path, source).run(Task(NOWHERE, b""))
    assert (made.ending, made.said) == ("crashed", f"{said}; deleted the folder of its files")
    baseline = tmp_path / "gaps"
    baseline.write_text("error-400\n", encoding="utf-8")  # without it the run ends where no call is made
    words = (
        "ideogram",
        "-k",
        "error-400",
        "-k",
        "wrong-key",
        "-k",
        "empty-wallet",
        "--baseline",
        str(baseline),
    )
    done = conform(*words, "--", *command(tmp_path, source))
    assert done.exit_code == 1
    assert done.stdout.count("deleted the folder of its files") == 2 * 3


@pytest.mark.parametrize(
    ("source", "unread"),
    [
        ("open(sys.argv[2], 'wb').truncate(3 * 2**30)", "the output is larger than 64 MiB"),
        ("os.mkdir(sys.argv[2])", "the output is not a file"),
        ("os.mkfifo(sys.argv[2])", "the output is not a file"),
        ("os.symlink('/dev/zero', sys.argv[2])", "the output is not a file"),
        ("os.symlink('/no/such/file', sys.argv[2])", "the output is not a file"),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_an_output_that_cannot_be_read_is_no_picture(
    tmp_path: Path, source: str, unread: str, code: int
) -> None:
    made = program(tmp_path, f"import os, sys; {source}; sys.exit({code})").run(Task(NOWHERE, b""))
    assert (made.picture, made.unread) == (None, unread)
    facts = Facts((made,), (b"",), 1, frozenset(), (), 0, 0, {}, {})
    wrong = evaluate(Expect(outcome="either"), facts)
    assert wrong[-1] == f"saved a wrong picture: {unread}"
    assert ("failed and left an output file" in wrong) == bool(code)


# What is told


def test_what_is_left_behind_is_told_of_a_client_that_passed_too_in_every_report(tmp_path: Path) -> None:
    junit, markdown = tmp_path / "junit.xml", tmp_path / "table.md"
    source = "import sys; open(sys.argv[2] + '.tmp', 'wb'); sys.exit(1)"
    words = ("ideogram", "-k", "wrong-key", "--junit", str(junit), "--markdown", str(markdown))
    note = "wrote output.png.tmp beside the output"
    done = conform(*words, "--", *command(tmp_path, source))
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["PASS", "wrong-key"]
    assert lines[2].strip() == f"note: {note}"
    assert f"- `wrong-key`: {note}" in markdown.read_text(encoding="utf-8").splitlines()
    told = ElementTree.fromstring(junit.read_text(encoding="utf-8")).findtext("testcase/system-out")
    assert told == note
    report = json.loads(conform(*words, "--json", "--", *command(tmp_path, source)).stdout)
    assert report["scenarios"][0]["notes"] == [note]


def test_real_keys_of_the_user_are_in_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "correct-horse-battery")
    source = "import os, sys; sys.exit('cannot use ' + os.environ['ACME_TOKEN'] + ' nor ' + sys.argv[3])"
    words = command(tmp_path, source, "sk-aig-0123456789abcdef")
    done = conform("ideogram", "-k", "error-400", "--json", "--", *words)
    assert "cannot use corr…" in done.stdout
    assert "horse" not in done.stdout
    assert "0123456789" not in done.stdout


def test_codes_for_a_terminal_do_not_reach_it(tmp_path: Path) -> None:
    source = r"import sys; sys.exit('\x1b[31mred\x1b[0m \x1b]0;title\x07\x07bell\u202e')"
    assert program(tmp_path, source).run(Task(NOWHERE, b"")).said == "exit 1; red bell"


def test_a_word_too_short_for_a_secret_is_left_alone() -> None:
    assert Sanitizer({"USE_TOKEN": "true", "A_KEY": "password1"}).clean("true password1") == "true pas…"


def test_keys_of_other_services_are_replaced_by_the_stand_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {
        "FAL_KEY": "real-1",
        "FAL_KEY_ID": "real-2",
        "FAL_KEY_SECRET": "real-3",
        "OPENAI_API_KEY": "real-4",
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "IDEOGRAM_API_KEY": "real-5",
    }
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LUMENFALL_API_KEY", raising=False)
    seen = tmp_path / "environment"
    conform("ideogram", "-k", "wrong-key", "--", "sh", "-c", f"env > {seen}; exit 1", "{image}", "{output}")
    env = environment(seen)
    assert [name for name, value in real.items() if env[name] == value] == []
    assert env["FAL_KEY"] == f"{env['FAL_KEY_ID']}:{env['FAL_KEY_SECRET']}"
    assert env["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
    assert "LUMENFALL_API_KEY" not in env


# Clients that do not call


def test_a_client_that_makes_no_call_is_started_once_and_told_where_to_call(tmp_path: Path) -> None:
    started = tmp_path / "started"
    source = "import sys; open(sys.argv[3], 'a').write('once '); sys.exit('oops')"
    words = ("ideogram", "--jobs", "4", "--name", "mute")
    done = conform(*words, "--", *command(tmp_path, source, str(started)))
    assert done.exit_code == 2
    assert started.read_text() == "once "
    stopped = "stopped after picture-png-rgb, in which the client made no call"
    asked = "does the client read the base URL from IDEOGRAM_BASE_URL and the key from IDEOGRAM_API_KEY?"
    lines = done.stdout.splitlines()
    assert lines[1:4] == [f"! the run is incomplete: {stopped}", f"! {asked}", "  FAIL      picture-png-rgb"]
    assert (lines[-1], done.stdout.count("IDEOGRAM_BASE_URL")) == ("0 PASS, 1 FAIL", 1)
    assert done.stderr.splitlines() == ["[1] FAIL: picture-png-rgb", f"fauxscale-contracts: {stopped}"]
    report = json.loads(conform(*words, "--json", "--", *command(tmp_path, source, str(started))).stdout)
    assert report["notices"] == [f"the run is incomplete: {stopped}", asked]
    assert [one["faults"] for one in report["scenarios"]] == [["failed: exit 1; oops", "made no call"]]


def test_a_silent_client_of_a_gateway_is_told_of_every_variable(tmp_path: Path) -> None:
    done = conform("aigateway", "--", *command(tmp_path, "raise SystemExit(1)"))
    assert (
        "! does the client read the base URL from AIGATEWAY_BASE_URL or OPENAI_BASE_URL "
        "and the key from AIGATEWAY_API_KEY or OPENAI_API_KEY?"
    ) in done.stdout.splitlines()


# Lists its models, in which it fails: it has found the service.
LISTS = """
import os, sys, urllib.request
address = os.environ["AIGATEWAY_BASE_URL"] + "/models"
key = {"Authorization": "Bearer " + os.environ["AIGATEWAY_API_KEY"]}
urllib.request.urlopen(urllib.request.Request(address, headers=key)).read()
sys.exit("no such model")
"""


def test_a_client_that_calls_but_asks_for_no_work_runs_through_all_of_it(tmp_path: Path) -> None:
    done = conform("aigateway", "-k", "picture-jpeg", "--", *command(tmp_path, LISTS))
    assert done.exit_code == 1
    assert done.stdout.count("failed: exit 1; no such model; made no call") == 4
    assert "OPENAI_BASE_URL" not in done.stdout


def test_a_client_that_makes_no_call_where_that_is_accepted_runs_on(tmp_path: Path) -> None:
    baseline = tmp_path / "gaps"
    baseline.write_text("picture-jpeg  # not sent\n", encoding="utf-8")
    words = ("ideogram", "-k", "picture-jpeg", "-k", "wrong-key", "--baseline", str(baseline))
    done = conform(*words, "--", *command(tmp_path, "raise SystemExit('no')"))
    said = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert ["accepted", "picture-jpeg"] in said
    assert "stopped after picture-jpeg-grey" in done.stdout


def test_a_client_that_need_not_call_is_not_told_that_it_does_not(tmp_path: Path) -> None:
    done = conform("ideogram", "-k", "wrong-key", "--", *command(tmp_path, "raise SystemExit('no')"))
    assert done.exit_code == 0
    assert "made no call" not in done.stdout


@pytest.mark.parametrize(("calls", "said"), [(0, "made no call"), (1, "called once, 2 at least")])
@pytest.mark.parametrize("ending", ["failed", "returned"])
def test_too_few_calls_are_a_shortcoming_however_it_ended(ending: str, calls: int, said: str) -> None:
    made = ClientResult("failed" if ending == "failed" else "returned", None)
    facts = Facts((made,), (b"",), calls, frozenset(), (), 0, 0, {}, {})
    assert said in evaluate(Expect(outcome="either", calls=(2, 12)), facts)


class Tardy:
    """Fails at once, and its call comes a little later: as one does that the server sees hung up on."""

    def accepts(self, options: object) -> bool:
        return True

    def stop(self) -> None:
        raise AssertionError("nothing to stop")

    def run(self, task: Task) -> ClientResult:
        def call() -> None:
            time.sleep(0.1)
            with suppress(httpx.TransportError):  # the server may be gone before its answer is read
                httpx.post(f"{task.endpoint.base_url}/upscale", headers={"Api-Key": task.endpoint.api_key})

        threading.Thread(target=call).start()
        return ClientResult("failed")


def test_a_call_that_is_written_down_late_counts() -> None:
    refused = next(one for one in scenarios("ideogram") if one.id == "error-400")
    with open_server("ideogram") as mock:
        finding = Stage(mock, "ideogram", Tardy()).play(refused)
    assert (finding.verdict, finding.measured.calls) == ("PASS", 1)


# Runs that are ended


# The first ends at once, the others hang; each starts a child.
STUCK = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
pathlib.Path(sys.argv[3], str(child.pid)).touch()
first = len(os.listdir(sys.argv[3])) == 1
if not first:
    time.sleep(600)
sys.exit(1)
"""


@LINUX
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_run_that_is_interrupted_cleans_up_and_tells_what_was_judged(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pids, temporary, junit = tmp_path / "pids", tmp_path / "tmp", tmp_path / "junit.xml"
    pids.mkdir()
    temporary.mkdir()
    words = ["ideogram", "--jobs", "1", "-k", "picture-png", "--limit", "60", "--json", "--junit", str(junit)]
    baseline = tmp_path / "gaps"
    baseline.write_text("picture-png-rgb\n", encoding="utf-8")  # without it the run ends after the first
    words += ["--baseline", str(baseline)]
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "fauxscale_contracts",
            "conform",
            *words,
            "--",
            *command(tmp_path, STUCK, str(pids)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as run:
        assert until(lambda: len(os.listdir(pids)) >= 2)
        run.send_signal(number)
        try:
            said, _ = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == code
    report = json.loads(said)
    assert [one["id"] for one in report["scenarios"]] == ["picture-png-rgb"]
    assert "the run is incomplete: interrupted" in report["notices"]
    assert until(lambda: all(gone(int(pid)) for pid in os.listdir(pids)))
    assert os.listdir(temporary) == []
    assert ElementTree.fromstring(junit.read_text(encoding="utf-8")).get("errors") == "1"


def test_a_program_that_vanishes_in_the_middle_ends_the_run_with_what_was_judged(tmp_path: Path) -> None:
    script = tmp_path / "client"
    script.write_text('#!/bin/sh\nrm "$0"\nexit 1\n', encoding="utf-8")
    script.chmod(0o755)
    words = ("ideogram", "--jobs", "1", "-k", "wrong-key", "-k", "empty-wallet")
    done = conform(*words, "--", str(script), "{image}", "{output}")
    assert done.exit_code == 2
    assert done.stdout.splitlines()[1].startswith("! the run is incomplete: ")
    assert "PASS      wrong-key" in done.stdout
    assert "cannot be started" in done.stderr.splitlines()[-1]


def test_findings_are_told_before_files_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    source = f"import shutil, sys; shutil.rmtree({str(folder)!r}, True); sys.exit(1)"
    words = ("ideogram", "-k", "wrong-key", "--json", "--junit", str(folder / "j.xml"))
    done = conform(*words, "--", *command(tmp_path, source))
    assert done.exit_code == 2
    assert json.loads(done.stdout)["passed"] == 1
    assert "j.xml cannot be written" in done.stderr.splitlines()[-1]


def test_no_folder_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "here").mkdir()
    source = "import os, sys; os.chmod(os.path.dirname(sys.argv[2]), 0o500); sys.exit(1)"
    made = program(tmp_path / "here", source).run(Task(NOWHERE, b""))
    assert made.ending == "failed"
    assert os.listdir(tmp_path) == ["here"]
