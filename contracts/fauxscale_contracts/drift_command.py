"""`fauxscale-contracts drift`: ask a service the smallest questions, priced first, and say what changed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click


@click.command()
@click.argument("provider", type=click.Choice(["ideogram", "aigateway", "lumenfall", "fal"]))
@click.option("--base-url", required=True, help="Where clients of it point: https://api.ideogram.ai.")
@click.option("--key", envvar="FAUXSCALE_DRIFT_KEY", required=True, help="Better in FAUXSCALE_DRIFT_KEY.")
@click.option("--max-cost", default=0.30, show_default=True, help="Dollars it may cost at most.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--vintage", help="The contract to compare with.  [default: the usual one]")
@click.option("--recorded", type=click.Path(path_type=Path), help="A recording to compare with, too.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds an answer may take.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on stdout.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="The report for people.")
def drift(
    provider: str,
    base_url: str,
    key: str,
    max_cost: float,
    yes: bool,
    vintage: str | None,
    recorded: Path | None,
    timeout: float,
    as_json: bool,
    markdown: Path | None,
) -> None:
    """Compare a service with its contract, with recordings and with the stand-in.

    Ends with 0 for no drift, 3 additive, 4 risky, 5 breaking; 2 if it could not be told.
    """
    import httpx

    from fauxscale.recording import RecordingError

    from .drift_probes import Unreachable
    from .drift_report import plan
    from .drift_run import examine
    from .violations import ContractError

    words, most = plan(provider)
    click.echo(words, err=True)
    if most > max_cost:
        _give_up(f"that may cost ${most:.2f}, more than --max-cost {max_cost:.2f}: nothing was sent")
    if not yes and not _agreed():
        _give_up("nothing was sent")
    try:
        with httpx.Client(timeout=timeout) as http:
            report = examine(provider, base_url, key, http, vintage=vintage, recorded=recorded)
        if markdown is not None:
            markdown.write_text(report.to_markdown() + "\n", encoding="utf-8")
    except (Unreachable, ContractError, RecordingError) as error:
        _give_up(str(error).replace(key, "…"))
    except OSError as error:
        _give_up(f"{markdown} cannot be written: {error.strerror}")
    click.echo(report.to_json() if as_json else report.to_text())
    sys.exit(report.exit)


def _agreed() -> bool:
    try:
        return click.confirm("Ask?", err=True)
    except click.Abort:
        return False


def _give_up(why: str) -> NoReturn:
    click.echo(f"no verdict: {why}", err=True)
    sys.exit(2)
