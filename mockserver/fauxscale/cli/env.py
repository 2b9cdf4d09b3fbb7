"""`fauxscale env`: prints the variables that point clients at a server, in a shell's syntax."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import provider_names
from .options import CONTEXT, PORT, FromEnvironment, providers
from .settings_options import clients_options

_SHELLS = (
    "sh",
    "fish",
    "powershell",
    "dotenv",
    "json",
)  # those of variables.py, which `--help` does not load


@click.command(cls=FromEnvironment, context_settings=CONTEXT)
@click.option("--shell", type=click.Choice(_SHELLS), default="sh", show_default=True, help="Output format.")
@click.option("--url", default=f"http://127.0.0.1:{PORT}", show_default=True, help="URL of the server.")
@click.option("--key", default="fauxscale", show_default=True, help="API key that clients should send.")
@click.option(
    "--ca",
    type=click.Path(path_type=Path),
    help="Certificate to trust if the server runs with --tls: `ca` in its JSON ready line.",
)
@click.option(
    "--openai",
    metavar="PROVIDER",
    shell_complete=provider_names,
    help="Provider that OpenAI's SDKs should call.",
)
@clients_options()
def env(shell: str, url: str, key: str, ca: Path | None, openai: str | None) -> None:
    """Print the variables that point clients to a server. The server does not have to run yet.

    eval "$(fauxscale env)"
    """
    from .variables import SHELLS, environment  # not for `--help`

    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url must be an address such as http://127.0.0.1:{PORT}, not {url!r}")
    trusted = ca.absolute() if ca else None
    try:
        found = environment(providers(), url.rstrip("/"), key, ca=trusted, openai=openai)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(SHELLS[shell](found))
