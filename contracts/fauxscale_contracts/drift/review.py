"""`fauxscale-contracts review`: checks a changed contract against its sources."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Check that a new contract is surer only with a source.")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def review(old: Path, new: Path) -> None:
    """Check that NEW is nowhere surer than OLD without a source and a date, and nowhere less sure.

    Ends with 1 if it is, 2 if a file is no contract.
    """
    from fauxscale_contracts.contract.promotions import check_promotions
    from fauxscale_contracts.contract.violations import ContractError
    from fauxscale_contracts.profiles.loading import load_file

    try:
        found = check_promotions(load_file(old).document, load_file(new).document)
    except ContractError as error:
        click.echo(f"no verdict: {error}", err=True)
        sys.exit(2)
    for line in found:
        click.echo(line)
    sys.exit(1 if found else 0)
