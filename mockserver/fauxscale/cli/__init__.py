"""The command line: fauxscale serve | run | env | report | doctor | completion | version."""

from __future__ import annotations

import click

from fauxscale._version import __version__

from .completion import completion
from .doctor import doctor
from .env import env
from .report import report
from .run import run
from .serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="fauxscale %(version)s")
def main() -> None:
    """A mock server for image-upscaling APIs (Ideogram, AIgateway, Lumenfall, fal.ai)."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"fauxscale {__version__}")


main.add_command(serve)
main.add_command(run)
main.add_command(env)
main.add_command(report)
main.add_command(doctor)
main.add_command(completion)
