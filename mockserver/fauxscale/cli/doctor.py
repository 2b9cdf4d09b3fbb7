"""`fauxscale doctor`: finds common mistakes on this machine; connects to nothing but the store and its own port."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from fauxscale.credentials import shorten
from fauxscale.extras import MissingExtra, needed_by
from fauxscale.hosts import leads_here

from .options import CONTEXT, FromEnvironment, providers, settings_of_serve
from .settings_file import SHARED, BadSettingsFile, SettingsFile, read
from .settings_options import address, settings_of

EXTRAS = {"pytest": "respx", "contracts": "schemathesis", "tls": "trustme", "redis": "redis", "fast": "isal"}

# HTTP clients that resolve and connect by libcurl, in Rust or in Go, or by sockets of gevent's: none of them comes by
# Python's socket module (each was tried, 2026-11).
PAST_PYTHON = (
    "curl_cffi",
    "geventhttpclient",
    "hrequests",
    "httpmorph",
    "httpr",
    "impit",
    "noble_tls",
    "primp",
    "pycurl",
    "pyqwest",
    "pyreqwest",
    "rnet",
    "tls_client",
    "wreq",
)


def findings(environ: Mapping[str, str], file: SettingsFile | None = None) -> Iterator[tuple[str, str]]:
    """List what was found, each line with a mark: "+" fine, "-" worth knowing, "!" trouble. `file` is the settings file
    that holds here."""
    from fauxscale.providers import PROVIDERS  # not for `--help`
    from fauxscale.providers.installed import find_providers

    installed = find_providers(PROVIDERS)
    for problem in installed.problems:
        yield "!", problem
    lost: list[str] = []
    for provider in (*PROVIDERS, *installed.providers):
        named = {**provider.env, **provider.tls_env}
        keys = [name for name, template in named.items() if template == "{key}"]
        addresses = [name for name in named if name not in keys]
        if not any(environ.get(name) for name in (*addresses, *keys)):
            lost.append(provider.name)
        yield from _client(environ, provider.name, addresses, keys)
    # One for either gateway, and for much else: no finding where it is not set.
    yield from _client(environ, "OpenAI()", ["OPENAI_BASE_URL"], ["OPENAI_API_KEY"])
    if lost:
        yield (
            "-",
            f"no variable is set for {', '.join(lost)}: paste the export lines that `fauxscale serve` prints",
        )
    yield from _extras()
    if past := [one for one in PAST_PYTHON if importlib.util.find_spec(one) is not None]:
        verb = "connects" if len(past) == 1 else "connect"
        yield (
            "-",
            f"{', '.join(past)} {verb} without Python's socket module: its calls are neither intercepted nor "
            "blocked, so set its base URL",
        )
    port = urlsplit(address(file)).port or 0
    if port == 0:
        yield "+", "the port is 0: `fauxscale serve` takes a free one at each start"
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as probe:
        probe.settimeout(0.5)
        busy = probe.connect_ex(("127.0.0.1", port)) == 0
    yield "+", f"something answers on 127.0.0.1:{port}" if busy else f"port {port} is free"


def _client(
    environ: Mapping[str, str], name: str, addresses: list[str], keys: list[str]
) -> Iterator[tuple[str, str]]:
    """Say where the variables that are set lead the clients of one provider."""
    hosts = {one: _host(value) for one in addresses if (value := environ.get(one))}
    here = [one for one, host in hosts.items() if leads_here(host)]
    for one in (one for one in hosts if one not in here):
        yield "!", f"{one} points to {hosts[one]}, which is not this machine: calls may cost money"
    if here:
        yield "+", f"{name}: {', '.join(here)} {'points' if len(here) == 1 else 'point'} to this machine"
    elif not hosts:
        for key in keys:
            if value := environ.get(key):
                yield (
                    "-",
                    f"{key} is set ({shorten(value)}) but {addresses[0]} is not: if it is a real key, calls with "
                    f"it cost money; fauxscale accepts any key",
                )


def _extras() -> Iterator[tuple[str, str]]:
    missing = [extra for extra, module in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if there := [extra for extra in EXTRAS if extra not in missing]:
        yield "+", f"extras installed: {', '.join(there)}"
    if missing:
        yield "-", f"extras not installed: pip install 'fauxscale[{','.join(missing)}]'"


def _host(address: str) -> str:
    """The host of a URL, or of `host/path`; "no host" where none can be read."""
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or "no host"
    except ValueError:
        return "no host"


@click.command(
    cls=FromEnvironment,
    context_settings=CONTEXT,
    short_help="Find common mistakes in variables, settings and extras.",
)
@click.option("--store", default="", metavar="URL", help="A Redis to examine: will it do?")
@click.option("--no-config", is_flag=True, help="Read no settings file.")
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings file to check.  [default: the one that `serve` would read here]",
)
def doctor(store: str, no_config: bool, config: Path | None) -> None:
    """Find common mistakes: variables that point to other machines, real keys, missing extras, a bad settings file or
    store."""
    trouble = 0
    file, said = (None, []) if no_config else _settings(config)
    named = store or (str(file.table.get("store", "")) if file else "")
    for mark, line in (*findings(os.environ, file), *said, *_store(named)):
        trouble += mark == "!"
        click.echo(f"{mark} {line}")
    sys.exit(1 if trouble else 0)


def _settings(path: Path | None) -> tuple[SettingsFile | None, list[tuple[str, str]]]:
    """Examine the settings file that was named, or that holds here."""
    from .serve import serve  # not for `--help`

    try:
        file = settings_of(path)
        if file is None:
            return None, [("+", "no settings file is read: every default holds")]
        settings_of_serve(file, click.Context(serve))
        file.check(providers())
    except BadSettingsFile as wrong:
        return None, [("!", wrong.message)]
    said = [("+", f"settings are read from {file.shown}")]
    beside = file.path.with_name(SHARED)
    if beside != file.path and beside.is_file() and read(beside) is not None:
        said.append(("-", f"[tool.fauxscale] in {SHARED} beside it is not read: {file.path.name} wins"))
    return file, said


def _store(url: str) -> Iterator[tuple[str, str]]:
    if not url:
        return
    try:
        with needed_by("a store on Redis"):
            from fauxscale.state.redis.examination import examine
    except MissingExtra as missing:
        yield "!", str(missing)
        return
    yield from examine(url)
