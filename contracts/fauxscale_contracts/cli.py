"""The command `fauxscale-contracts`."""

from __future__ import annotations

import click

from .check.command import check
from .conform.command import conform
from .conform.scenarios_command import scenarios
from .contract.confidence import CONFIDENCES
from .coverage.command import coverage
from .drift.command import drift
from .drift.review import review
from .explore.command import explore
from .gate.command import gate
from .new.command import new
from .observe.command import observe
from .profiles.installed import profiles
from .profiles.loading import api_versions, load
from .record.command import record, scan_folder
from .usage.command import usage


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fauxscale", prog_name="fauxscale-contracts")
def main() -> None:
    """Recorded contracts of image-upscaling services, and checks against them."""
    for line in profiles().unusable:
        click.echo(f"fauxscale-contracts: {line}", err=True)


@main.command("list", short_help="List the recorded contracts.")
def list_contracts() -> None:
    """Name what is on record: provider, API version, operations, and how sure its statements are."""
    for provider, dates in api_versions().items():
        for api_version in dates:
            contract = load(provider, api_version=api_version)
            counts = contract.confidences()
            told = ", ".join(f"{counts[one]} {one}" for one in CONFIDENCES)
            click.echo(f"{provider} {api_version}: {', '.join(contract.operations)} ({told})")


main.add_command(conform)
main.add_command(scenarios)
main.add_command(record)
main.add_command(scan_folder)
main.add_command(drift)
main.add_command(review)
main.add_command(observe)
main.add_command(check)
main.add_command(new)
main.add_command(usage)
main.add_command(coverage)
main.add_command(explore)
main.add_command(gate)
