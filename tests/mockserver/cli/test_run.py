"""`fauxscale run`: a command with a server of its own, which leaves nothing but the command's exit status."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fauxscale.cli import main
from fauxscale.cli.run import run as run_command
from fauxscale.cli.serve import serve

pytestmark = pytest.mark.e2e  # each starts programs

PYTHON = sys.executable
DUMP = "import json, os; print(json.dumps(dict(os.environ)))"
# Says that it is there, and which signals it gets; ends with the status 7 after the one that is named.
HEAR = """
import signal, sys
def hear(number, frame):
    print(signal.Signals(number).name, flush=True)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, hear)
print("there", flush=True)
while True:
    signal.pause()
"""


def fauxscale(*words: str) -> list[str]:
    return [PYTHON, "-m", "fauxscale", "run", *words]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run puts its temporary files, and nobody else does."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **env}
    return subprocess.run(
        fauxscale(*words), env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def seen(*words: str, **env: str) -> dict[str, str]:
    """The environment the command finds."""
    done = run(*words, "--", PYTHON, "-c", DUMP, **env)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, str] = json.loads(done.stdout)
    return found


@contextmanager
def running(*words: str) -> Generator[subprocess.Popen[str]]:
    """A run whose command has said that it is there. In a session of its own: no terminal sends it anything."""
    process = subprocess.Popen(
        fauxscale(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the command too, which holds the pipes open
        process.communicate()


def test_the_command_finds_every_provider_s_variables_and_no_real_key() -> None:
    found = seen(IDEOGRAM_API_KEY="a-real-key", FAL_KEY="another")
    url = found["FAUXSCALE_URL"]
    assert found["IDEOGRAM_BASE_URL"] == f"{url}/ideogram"
    assert found["FAL_RUN_URL"] == f"{url}/fal/run"
    assert {found[name] for name in ("IDEOGRAM_API_KEY", "FAL_KEY", "LUMENFALL_API_KEY")} == {"fauxscale"}
    assert "SSL_CERT_FILE" not in set(found) - set(os.environ)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_proxy_of_the_machine_is_not_asked() -> None:
    assert seen(HTTP_PROXY="http://127.0.0.1:1")["NO_PROXY"] == "127.0.0.1,localhost"
    assert seen(NO_PROXY="mine.test")["NO_PROXY"] == "mine.test"


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_exit_status_is_the_command_s(status: int) -> None:
    done = run("--", "sh", "-c", f"echo out; echo err >&2; exit {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "out\n", "err\n")


def test_a_command_that_a_signal_ends_is_128_and_its_number() -> None:
    assert run("--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_nothing_is_left_behind(signum: signal.Signals, temporary: Path) -> None:
    with running("--tls", "--", PYTHON, "-c", HEAR) as process:
        assert list(temporary.iterdir()), "the certificates"
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (7, f"{signum.name}\n", "")
    assert not list(temporary.iterdir())


def test_a_signal_that_ends_the_command_is_told_in_the_status() -> None:
    with running("--", "sh", "-c", "echo there; exec sleep 600") as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_typed_at_the_terminal_is_left_to_the_terminal_to_send() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PYTHON, fauxscale("--", PYTHON, "-c", HEAR))
    try:
        _until(terminal, "there")
        os.write(terminal, b"\x03")
        _until(terminal, "SIGINT")
    finally:
        _, status = os.waitpid(child, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 7


def test_it_knows_whether_a_signal_may_have_been_typed() -> None:
    ask = [PYTHON, "-c", "from fauxscale.cli.run import was_typed; print('typed:', was_typed())"]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PYTHON, ask)
    assert "typed: True" in _until(terminal, "\n")
    os.waitpid(child, 0)
    os.close(terminal)
    alone = subprocess.run(
        ask, capture_output=True, text=True, timeout=60, start_new_session=True, check=True
    )
    assert alone.stdout == "typed: False\n"


def _until(terminal: int, wanted: str) -> str:
    heard = ""
    while wanted not in heard:
        heard += os.read(terminal, 1024).decode()
    return heard


def test_a_command_that_is_not_there_is_127_and_one_line(temporary: Path) -> None:
    done = run("--tls", "--", "no-such-command", "--flag")
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "fauxscale run: command not found: no-such-command\n"
    assert not list(temporary.iterdir())


def test_a_command_that_cannot_be_run_is_126_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("no program")
    done = run(str(tmp_path / "plain.txt"))
    assert (done.returncode, done.stderr.count("\n")) == (126, 1)
    assert "Permission denied" in done.stderr


def test_its_own_options_end_where_the_command_begins() -> None:
    assert run("sh", "-c", "exit 4", "--tls").returncode == 4


def test_options_of_the_server_are_taken_and_told_to_the_command(temporary: Path) -> None:
    call = (
        "import os, urllib.request as r; here, key = os.environ['LUMENFALL_BASE_URL'], os.environ['K']\n"
        "print(r.urlopen(r.Request(here + '/models', headers={'Authorization': 'Bearer ' + key})).status)"
    )
    done = run("--tls", "--key", "one", "--", PYTHON, "-c", call, K="one")
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
    assert run("--tls", "--key", "one", "--", PYTHON, "-c", call, K="two").returncode == 1
    found = seen("--key", "one", "--token", "secret", "--openai", "aigateway")
    assert (found["FAL_KEY"], found["FAUXSCALE_TOKEN"]) == ("one", "secret")
    assert found["OPENAI_BASE_URL"] == f"{found['FAUXSCALE_URL']}/aigateway/v1"
    assert not list(temporary.iterdir())


def test_every_option_that_describes_a_server_is_one_of_run() -> None:
    of_serve = {option.name for option in serve.params} - {"as_json", "quiet", "verbose"}
    assert of_serve <= {option.name for option in run_command.params}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "Missing argument 'COMMAND"),
        (["--balance", "-1", "true"], 2, "balance must not be negative"),
        (["--replay", "/no/such/folder", "true"], 2, "/no/such/folder"),
        (["--openai", "unknown", "true"], 2, "no provider 'unknown'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_command(words: Sequence[str], status: int, said: str) -> None:
    result = CliRunner().invoke(main, ["run", *words])
    assert result.exit_code == status
    assert said in result.output


UPLOADS = """
import os, urllib.error, urllib.request
def send(key, prompt=""):
    head = b'--x\\r\\nContent-Disposition: form-data; name="image_request"\\r\\n\\r\\n{"prompt": "%s"}\\r\\n--x--\\r\\n'
    url = os.environ["IDEOGRAM_BASE_URL"] + "/upscale"
    headers = {"Api-Key": key, "Content-Type": "multipart/form-data; boundary=x"}
    try:
        urllib.request.urlopen(urllib.request.Request(url, head % prompt.encode(), headers))
    except urllib.error.HTTPError:
        pass
send(os.environ["IDEOGRAM_API_KEY"])
send("sk-a-secret-of-mine-0123456789")
send("invalid")
call = urllib.request.Request(os.environ["FAUXSCALE_URL"] + "/__fauxscale/api/accounts", b'{"label": "a test"}')
import json
made = json.load(urllib.request.urlopen(call))
send(made["keys"]["ideogram"])
path = "/__fauxscale/api/accounts/" + made["id"]
urllib.request.urlopen(urllib.request.Request(os.environ["FAUXSCALE_URL"] + path, method="DELETE"))
"""


def test_journals_are_kept_for_coverage_those_of_deleted_accounts_too(tmp_path: Path) -> None:
    file = tmp_path / "met.json"
    done = run("--coverage", str(file), "--", PYTHON, "-c", UPLOADS)
    assert done.returncode == 0, done.stderr
    kept = json.loads(file.read_text())
    assert kept["fauxscale_journal"] == 1
    labels = [one["label"] for one in kept["accounts"]]
    assert labels[-2:] == ["no account", "a test"]
    assert [len(one["calls"]) for one in kept["accounts"]] == [1, 1, 1, 1]
    assert "a-secret-of-mine" not in file.read_text()


def test_journals_are_kept_of_a_command_that_fails(tmp_path: Path) -> None:
    assert run("--coverage", str(tmp_path / "met.json"), "--", "sh", "-c", "exit 3").returncode == 3
    assert json.loads((tmp_path / "met.json").read_text())["accounts"] == []


def test_journals_that_cannot_be_kept_are_said(tmp_path: Path) -> None:
    done = run("--coverage", str(tmp_path / "none" / "met.json"), "--", "sh", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a folder" in done.stderr
    (tmp_path / "met.json").mkdir()
    done = run("--coverage", str(tmp_path / "met.json"), "--", "sh", "-c", "echo ran")
    assert done.returncode == 2
