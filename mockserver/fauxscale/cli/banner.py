"""What a server prints when it starts: a dozen lines for people, one line of JSON for programs."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from fauxscale._version import __version__
from fauxscale.dispatch.provider import Provider
from fauxscale.settings import Settings

from .variables import OPEN_KEY, variables

FEW = 3


def lines(
    url: str, settings: Settings, providers: Sequence[Provider], ca: Path | None = None, file: str = ""
) -> list[str]:
    """Write the banner, at most twelve lines; those that begin with `export` can be pasted into a shell. `file` is
    the settings file that was read."""
    named = f"only {len(settings.keys)} configured key(s) work"
    keys = named if settings.issued_only else "any key works unless it contains 'invalid'"
    money = "money unlimited" if settings.terms.balance is None else f"balance ${settings.terms.balance:.2f}"
    key = settings.keys[0] if settings.keys else OPEN_KEY
    said = [f"fauxscale {__version__} on {url} · seed {settings.seed} · {keys} · {money}"]
    for provider in providers:
        said.append(_export(variables(provider, url, key)))
    if ca is not None:
        said.append(_export({"SSL_CERT_FILE": str(ca), "NODE_EXTRA_CA_CERTS": str(ca)}))
    said.append(f"inspector  {url}/__fauxscale/")
    if settings.token is not None:
        said.append(token_line(settings.token))
    if file:
        said.append(f"settings   {file}{_accounts(len(settings.accounts))}")
    fetches = (
        f" except to fetch pictures from {', '.join(settings.allow_fetch)}" if settings.allow_fetch else ""
    )
    said.append(f"No call leaves this process{fetches}; nothing costs real money. Ctrl-C stops it.")
    return said


def token_line(token: str) -> str:
    """Write the line that tells the token of the control API."""
    return f"control token  {token}"


def _accounts(count: int) -> str:
    return "" if not count else f", {count} account{'' if count == 1 else 's'} open"


def _export(values: Mapping[str, str]) -> str:
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def capped(said: Sequence[str]) -> list[str]:
    """Cut a list of lines to a headline, its first three lines, and how many more there are."""
    more = len(said) - 1 - FEW
    return [*said[: 1 + FEW], *([f"  … and {more} more"] if more > 0 else [])]


def ready(url: str, settings: Settings, providers: Sequence[Provider], ca: Path | None = None) -> str:
    """Write the ready line: one line of JSON for the program that started the server."""
    about: dict[str, object] = {
        "url": url,
        "providers": {provider.name: url + provider.base for provider in providers},
        "inspector": f"{url}/__fauxscale/",
        "control": f"{url}/__fauxscale/api",
        "control_token": settings.token,
        "pid": os.getpid(),
    }
    return json.dumps(about | ({"ca": str(ca)} if ca else {}))
