"""`fauxscale-contracts check`: checks any server against a recorded contract, with HAR and JUnit reports."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from fauxscale_contracts.console.arguments import a_key, a_report, an_origin, trial_options
from fauxscale_contracts.console.exit_codes import give_up, interruptible

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Check a server's replies against the contract.")
@click.option(
    "--base-url",
    required=True,
    callback=an_origin,
    help="Base URL that clients use: http://127.0.0.1:2160/ideogram.",
)
@click.option("--provider", help="Provider whose contract to check.  [default: taken from the URL]")
@click.option(
    "--key",
    envvar="FAUXSCALE_CHECK_KEY",
    default="fauxscale",
    show_default=True,
    callback=a_key,
    help="API key; better set in FAUXSCALE_CHECK_KEY.",
)
@click.option("--api-version", help="API version to check against.  [default: the provider's default]")
@click.option(
    "--har", type=_FILE, callback=a_report, help="Write all requests and replies as HAR, without secrets."
)
@click.option("--junit", type=_FILE, callback=a_report, help="Write the results as JUnit XML.")
@click.option(
    "--examples",
    default=30,
    show_default=True,
    type=click.IntRange(min=1),
    help="Generated requests per operation.",
)
@click.option(
    "--operation", "operations", multiple=True, help="Only this operation (ideogram.upscale); repeatable."
)
@trial_options
@click.option(
    "--strict", is_flag=True, help="Also check that it accepts valid requests and rejects invalid ones."
)
@click.option("--spend", is_flag=True, help="Allow calls to the real service, which cost money.")
def check(
    base_url: str,
    provider: str | None,
    key: str,
    api_version: str | None,
    har: Path | None,
    junit: Path | None,
    examples: int,
    operations: tuple[str, ...],
    link_life: float,
    rate_limit: int,
    sizes: bool,
    strict: bool,
    spend: bool,
) -> None:
    """Send a server hundreds of requests and check each reply against the contract.

    Exit status: 0 all replies match, 1 some do not, 2 no verdict, 130 or 143 interrupted.
    """
    with interruptible():
        from fauxscale_contracts.contract.violations import ContractError
        from fauxscale_contracts.profiles.installed import profile
        from fauxscale_contracts.profiles.loading import load
        from fauxscale_contracts.profiles.outcomes import Trials

        from .fitting import is_real
        from .reports import NotWritten, Reports
        from .run import NotRun, check_server

        try:
            of = profile(provider or _named_in(base_url))
            contract = load(of.name, api_version=api_version)
            if is_real(contract, base_url) and not spend:
                give_up(
                    f"{base_url} is the real service and may charge for hundreds of calls; add --spend to allow that"
                )
            for name in operations:
                contract.operation(name)
            kept = check_server(
                of,
                contract,
                base_url,
                key,
                Reports(har, junit),
                operations=operations,
                examples=examples,
                strict=strict,
                trials=Trials(link_life, rate_limit, sizes),
            )
        except (ContractError, NotRun) as error:
            give_up(str(error))
        except NotWritten as error:  # the verdict stands above
            click.echo(str(error), err=True)
            sys.exit(2)
        sys.exit(0 if kept else 1)


def _named_in(base_url: str) -> str:
    """Find the provider whose name is in a URL."""
    from fauxscale_contracts.profiles.installed import profiles

    split = urlsplit(base_url)
    segments = [*split.path.split("/"), *(split.hostname or "").split(".")]
    found = next((name for name in profiles().by_name if name in segments), None)
    if found is None:
        give_up(f"the provider cannot be told from {base_url}: add --provider")
    return found
