"""`fauxscale env`: the variables that point clients at a server, written for a shell to read."""

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
@click.option(
    "--shell", type=click.Choice(_SHELLS), default="sh", show_default=True, help="Who is to read them."
)
@click.option("--url", default=f"http://127.0.0.1:{PORT}", show_default=True, help="Where the server is.")
@click.option("--key", default="fauxscale", show_default=True, help="The key that clients send.")
@click.option(
    "--ca",
    type=click.Path(path_type=Path),
    help="The certificate to trust, for a server with --tls: `ca` of its ready line.",
)
@click.option(
    "--openai",
    metavar="PROVIDER",
    shell_complete=provider_names,
    help="The provider that OpenAI's SDKs call.",
)
@clients_options()
def env(shell: str, url: str, key: str, ca: Path | None, openai: str | None) -> None:
    """Print the variables that point clients at a server. It need not run yet.

    eval "$(fauxscale env)"
    """
    from .variables import SHELLS, environment  # not for `--help`

    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url is an address such as http://127.0.0.1:{PORT}, not {url!r}")
    trusted = ca.absolute() if ca else None
    try:
        found = environment(providers(), url.rstrip("/"), key, ca=trusted, openai=openai)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(SHELLS[shell](found))
