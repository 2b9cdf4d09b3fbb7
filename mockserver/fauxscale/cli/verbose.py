"""The line that `serve --verbose` prints for every call."""

from __future__ import annotations

import time

import click

from fauxscale.state.accounts import UNASSIGNED
from fauxscale.state.journal import Entry


def echo(account: str, label: str, entry: Entry) -> None:
    """Print one line about a call on stderr, secrets shortened."""
    click.echo(line("no account" if account == UNASSIGNED else label or account, entry), err=True)


def line(account: str, entry: Entry) -> str:
    """Describe a call: time, account, operation, status, the sizes of both bodies, duration, cost, and why it was
    refused."""
    mask = entry.mask()
    said = [
        time.strftime("%H:%M:%S", time.localtime(entry.at - entry.ahead)),
        account,
        entry.operation,
        f"{entry.method} {mask.text(entry.path.partition('?')[0])}",
        str(entry.status or "cut"),
        f"{_size(entry.bytes_received)} in, {_size(entry.bytes_sent)} out",
        f"{1000 * (entry.ended - entry.started):.1f} ms",
    ]
    if entry.cost:
        said.append(f"${entry.cost / 1_000_000:.2f}")
    if entry.faults:
        said.append(f"faults: {', '.join(entry.faults)}")
    if entry.reason:
        said.append(f"{entry.rule}: {entry.reason}" if entry.rule else entry.reason)
    # A client's own text, such as an operation or a reason, may contain terminal codes.
    return "".join(one if one.isprintable() else "?" for one in mask.text("  ".join(said)))


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
