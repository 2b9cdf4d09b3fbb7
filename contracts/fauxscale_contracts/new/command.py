"""`fauxscale-contracts new`: writes the skeleton of a contract into a file, for its author to fill in."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import cast

import click

from fauxscale_contracts.console.arguments import an_origin
from fauxscale_contracts.profiles.profile import SUFFIX, Carrier


def _name(_: click.Context, __: click.Parameter, name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise click.BadParameter(f"{name!r} must consist of lower-case letters, digits, - and _")
    return name


def _date(_: click.Context, __: click.Parameter, date: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", date):
        raise click.BadParameter(f"{date!r} must have the form 2026-04")
    return date


@click.command("new", short_help="Write a skeleton contract for NAME.")
@click.argument("name", callback=_name)
@click.option(
    "--operation",
    "operations",
    multiple=True,
    required=True,
    help="An operation as METHOD:PATH, such as POST:/v1/upscale; repeatable.",
)
@click.option(
    "--api-version", required=True, callback=_date, help="When the service was examined, such as 2026-04."
)
@click.option(
    "--server",
    default="https://api.example",
    show_default=True,
    callback=an_origin,
    help="Address of the real service.",
)
@click.option(
    "--result",
    "carrier",
    default="link",
    show_default=True,
    type=click.Choice(["link", "base64", "body"]),
    help="How a reply contains a result.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the contract.  [default: NAME]",
)
def new(
    name: str,
    operations: tuple[str, ...],
    api_version: str,
    server: str,
    carrier: str,
    folder: Path | None,
) -> None:
    """Write a skeleton contract for NAME: valid, with every statement marked as a guess until you know better.

    Exit status: 2 if the file already exists.
    """
    from fauxscale_contracts.console.atomic_write import write
    from fauxscale_contracts.contract.violations import ContractError
    from fauxscale_contracts.profiles.loading import load_file

    from .skeleton import Route, skeleton

    path = (folder or Path(name)) / f"{api_version}{SUFFIX}"
    try:
        if path.exists():
            raise ContractError(f"{path} already exists and was not changed")
        routes = [Route.parse(one) for one in operations]
        document = skeleton(name, api_version, server, routes, cast("Carrier", carrier))
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        contract = load_file(path)
    except (ContractError, OSError) as error:
        click.echo(f"fauxscale-contracts: {error}", err=True)
        sys.exit(2)
    click.echo(f"{path}: {', '.join(contract.operations)}")
