"""What Windows lacks is used nowhere that it would be missed: every module is imported, and a server runs, without it.

No machine with Windows is at hand: its names are hidden here, and `sys.platform` says win32, once the libraries of
others, which look at it when they are imported, are there. The event loop stays that of this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What POSIX has and Windows has not (docs.python.org, "Availability", read 2026-11-22).
HIDDEN = """
import asyncio.base_events, asyncio.unix_events, contextlib, ctypes, functools, importlib, multiprocessing, os, pkgutil
import signal, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, webbrowser, zipfile
import anyio, anyio._backends._asyncio, click, click.testing, cryptography, h11, httpx, hypothesis, jsonschema_rs
import PIL.Image, pytest, python_multipart, redis.asyncio, redis.asyncio.cluster, respx, starlette, trustme, uvicorn
import uvicorn.config, uvicorn.server, uvicorn.protocols.http.h11_impl

# Windows makes its pairs of sockets without that family.
socket.socketpair = functools.partial(socket.socketpair, socket.AF_UNIX)
hidden = {
    signal: "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGQUIT SIGCHLD SIGALRM SIGPIPE alarm pthread_sigmask sigwait",
    os: "fork killpg getpgid setsid WNOHANG O_NOFOLLOW O_CLOEXEC getuid geteuid uname sched_getaffinity fchmod wait4"
    " register_at_fork getloadavg sysconf mkfifo",
    socket: "AF_UNIX SO_REUSEPORT send_fds recv_fds",
}
for module, names in hidden.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in ("resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "readline"):
    sys.modules[name] = None

def refuse(self, *_):
    raise NotImplementedError

asyncio.unix_events._UnixSelectorEventLoop.add_signal_handler = refuse
asyncio.unix_events._UnixSelectorEventLoop.remove_signal_handler = refuse
sys.platform = "win32"
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HIDDEN + script],
        # Without file locks its temporary folder looks abandoned to any server of this machine that starts meanwhile.
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize("package", ["fauxscale", "fauxscale_contracts", "pytest_fauxscale"])
def test_every_module_can_be_imported(package: str, tmp_path: Path) -> None:
    done = run(
        f"""
package = importlib.import_module({package!r})
apart = ("__main__", "check.hooks", "cli.worker")  # what runs when it is imported
for found in pkgutil.walk_packages(package.__path__, {package!r} + "."):
    if not found.name.endswith(apart):
        importlib.import_module(found.name)
print("imported")
""",
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_a_server_answers_and_ends(tmp_path: Path) -> None:
    done = run(
        """
import io
from fauxscale import MockServer
picture = io.BytesIO()
PIL.Image.new("RGB", (32, 24)).save(picture, "PNG")
with MockServer(tls=True) as mock, httpx.Client(verify=ssl.create_default_context(cafile=mock.ca)) as http:
    reply = http.post(
        mock.base_url("ideogram") + "/upscale",
        headers={"Api-Key": "key"},
        files={"image_file": ("a.png", picture.getvalue()), "image_request": (None, "{}")},
    )
    saved = http.get(reply.json()["data"][0]["url"])
    print(reply.status_code, PIL.Image.open(io.BytesIO(saved.content)).size)
""",
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("200 (64, 48)\n", "")


def test_a_program_goes_through_a_scenario(tmp_path: Path) -> None:
    """The commands heed signals and end what they start."""
    done = run(
        """
from fauxscale_contracts.cli import main
words = ["conform", "ideogram", "-k", "wrong-key", "--", sys.executable, "-c", "raise SystemExit(3)"]
result = click.testing.CliRunner().invoke(main, [*words, "{image}", "{output}"])
print(result.exit_code, result.exception)
""",
        tmp_path,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(("1 ", "0 ")), done.stdout
