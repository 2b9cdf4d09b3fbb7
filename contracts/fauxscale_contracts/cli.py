"""The command `fauxscale-contracts`."""

from __future__ import annotations

import click

from .check.command import check
from .conform.command import conform
from .contract.contract import api_versions, load
from .drift.command import drift
from .record.command import record, scan_folder


@click.group()
@click.version_option(package_name="fauxscale", prog_name="fauxscale-contracts")
def main() -> None:
    """Recorded contracts of image-upscaling services, and checks against them."""


@main.command("list")
def list_contracts() -> None:
    """Name what is on record: provider, API version, operations."""
    for provider, dates in api_versions().items():
        for api_version in dates:
            contract = load(provider, api_version=api_version)
            click.echo(f"{provider} {api_version}: {', '.join(contract.operations)}")


main.add_command(conform)
main.add_command(record)
main.add_command(scan_folder)
main.add_command(drift)
main.add_command(check)
