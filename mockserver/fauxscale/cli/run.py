"""`fauxscale run -- COMMAND`: runs a command with a server of its own, and then stops the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from .completion import provider_names
from .options import CONTEXT, FromEnvironment, ServerOptions, server, server_options, told_in_one_line

if TYPE_CHECKING:
    from types import FrameType

    from fauxscale.server import MockServer
    from fauxscale.state.journal import Entry

# Exit statuses of shells for a missing command, and for one that cannot be run.
NOT_FOUND, NOT_RUNNABLE = 127, 126
# The command succeeded, but the file it was run for could not be written.
NOT_KEPT = 2


@click.command(
    cls=FromEnvironment,
    context_settings={**CONTEXT, "allow_interspersed_args": False},
    short_help="Run COMMAND with a server of its own.",
)
@server_options(0)
@click.option(
    "--openai",
    metavar="PROVIDER",
    shell_complete=provider_names,
    help="Provider that OpenAI's SDKs should call.",
)
@click.option(
    "--coverage",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the calls to FILE, for `fauxscale-contracts coverage combine`.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    command: tuple[str, ...], openai: str | None, coverage: Path | None, **given: Unpack[ServerOptions]
) -> None:
    """Start a server, run COMMAND with the variables that point to it, exit with COMMAND's status.

    fauxscale run -- npm test
    """
    if coverage is not None and not coverage.parent.is_dir():
        raise click.UsageError(f"{coverage} cannot be written: {coverage.parent} is not a folder")
    journals = _Journals()
    mock = server(journals if coverage is not None else None, **given)
    with _forwarded() as child:
        with told_in_one_line():
            mock.start()
        try:
            status = child.run(command, _environment(mock, openai))
        finally:
            mock.stop()
    if coverage is not None and not journals.write(coverage):
        status = status or NOT_KEPT
    sys.exit(status)


class _Journals:
    """The journals of every account, also of deleted ones, and of calls without an account."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Any]] = {}

    def __call__(self, account: str, label: str, entry: Entry) -> None:
        """Note an entry, masked."""
        from fauxscale.state.accounts import UNASSIGNED

        shown = "no account" if account == UNASSIGNED else label
        kept = self._accounts.setdefault(account, {"id": account, "label": shown, "calls": []})
        kept["calls"].append(entry.to_members())

    def write(self, file: Path) -> bool:
        """Write all of it into a file; prints an error if it cannot be written."""
        body = {"fauxscale_journal": 1, "accounts": [*self._accounts.values()]}
        try:
            file.write_text(json.dumps(body), encoding="utf-8")
        except OSError as error:
            click.echo(f"fauxscale run: {file} cannot be written: {error.strerror}", err=True)
            return False
        return True


def _environment(mock: MockServer, openai: str | None) -> dict[str, str]:
    """This process's environment, with the clients of every provider pointed at the server."""
    from .variables import OPEN_KEY, environment

    key = mock.settings.keys[0] if mock.settings.keys else OPEN_KEY
    try:
        found = environment(mock.providers, mock.url, key, ca=mock.ca, openai=openai)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if mock.settings.token:
        found["FAUXSCALE_TOKEN"] = mock.settings.token
    # No proxy between a client and this server.
    found |= {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy") if name not in os.environ}
    return {**os.environ, **found}


class _Child:
    """The command, and the signals that are passed on to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self, command: Sequence[str], environment: dict[str, str]) -> int:
        """Run the command and return its exit status as shells give it: 128 plus the number of an ending signal."""
        try:
            self._process = subprocess.Popen(command, env=environment)
        except FileNotFoundError:
            click.echo(f"fauxscale run: command not found: {command[0]}", err=True)
            return NOT_FOUND
        except OSError as error:
            click.echo(f"fauxscale run: cannot run {command[0]}: {error.strerror}", err=True)
            return NOT_RUNNABLE
        for number in self._early:
            self._send(number)
        status = self._process.wait()
        return 128 - status if status < 0 else status

    def take(self, number: int, _: FrameType | None = None) -> None:
        """Pass a signal on to the command; one that comes before the command has started is kept for it."""
        if self._process is None:
            self._early.append(number)
        elif number != signal.SIGINT or not was_typed():
            self._send(number)

    def _send(self, number: int) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


def was_typed() -> bool:
    """Whether a SIGINT was typed: the terminal then sent it to the command as well, and many programs treat a second
    one as a request to end at once."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _forwarded() -> Generator[_Child]:
    """While entered, pass this process's signals on to the command: none of them ends this process."""
    child = _Child()
    taken = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        taken.append(signal.SIGHUP)  # a closed terminal must not leave certificates behind
    # The command inherits signals that this process ignores (nohup, a background job of a script).
    heeded = [one for one in taken if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, child.take) for one in heeded}
    try:
        yield child
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
