"""Completion, in the shells themselves."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from fauxscale.cli import main
from tests.tools import needs

pytestmark = pytest.mark.e2e
# Of the lines that people complete, each with what it must lead to.
LINES = {
    "fauxscale se": "serve",
    "fauxscale serve --link-t": "--link-ttl",
    "fauxscale serve --set fal.q": "fal.queue_seconds=",
    "fauxscale serve --api-version ideogram=2026-1": "ideogram=2026-10",
    "fauxscale run --openai lum": "lumenfall",
    "fauxscale env --shell po": "powershell",
    "fauxscale-contracts conf": "conform",
    "fauxscale-contracts conform ide": "ideogram",
    "fauxscale-contracts conform ideogram -k lost-r": "lost-reply",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Where a shell finds our commands, and nothing of a user's own settings."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
    }


def script(shell: str, folder: Path) -> Path:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    file = folder / f"completion.{shell}"
    file.write_text(result.stdout)
    return file


# Calls what bash calls for a command once Tab is hit, with what bash gives it.
BASH = r"""
source "$1"
line=($2)
function_of() { complete -p "$1" | sed 's/.* -F \([^ ]*\) .*/\1/'; }
COMP_WORDS=("${line[@]}") COMP_CWORD=$((${#line[@]} - 1))
"$(function_of "${line[0]}")" "${line[0]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(line: str, environ: dict[str, str], tmp_path: Path) -> None:
    command = ["bash", "--norc", "-c", BASH, "bash", str(script("bash", tmp_path)), line]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert LINES[line] in done.stdout.splitlines()
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")
def test_a_tab_in_a_terminal_completes_the_line(environ: dict[str, str], tmp_path: Path) -> None:
    import pty

    file = script("bash", tmp_path)
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environ)
    try:
        # Completed, the line is given to echo instead of being run.
        os.write(terminal, f"source {file}; echo re''ady\n".encode())
        assert "ready" in read_until(terminal, "ready")
        os.write(terminal, b"fauxscale serve --link-t\t60\x01echo typed: \n")
        assert "typed: fauxscale serve --link-ttl 60" in read_until(terminal, "--link-ttl 60\r\n").replace(
            "\r", ""
        )
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)


def read_until(terminal: int, mark: str) -> str:
    """What a terminal shows until the mark does, or for a minute."""
    said, latest = "", time.monotonic() + 60
    while mark not in said and (left := latest - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            said += os.read(terminal, 4096).decode(errors="replace")
    return said


@needs("fish")
@pytest.mark.parametrize("line", LINES)
def test_fish_completes(line: str, environ: dict[str, str], tmp_path: Path) -> None:
    program = f"source {script('fish', tmp_path)}; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "-N", "-c", program], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert LINES[line] in [one.partition("\t")[0] for one in done.stdout.splitlines()]


# zsh has completions for its line editor alone: what would be shown there is printed.
ZSH = r"""
compdef() { functions_of[$2]=$1; }
compadd() { print -l -- ${(P)@[-1]}; }
_describe() { print -l -- ${${(P)@[-2]}%%:*}; }
typeset -A functions_of
source $1
words=(${=2}) CURRENT=${#${=2}}
$functions_of[$words[1]]
"""


@needs("zsh")
@pytest.mark.parametrize("line", LINES)
def test_zsh_completes(line: str, environ: dict[str, str], tmp_path: Path) -> None:
    command = ["zsh", "-f", "-c", ZSH, "zsh", str(script("zsh", tmp_path)), line]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert LINES[line] in done.stdout.splitlines(), done.stderr
