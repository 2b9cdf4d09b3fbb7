"""`fauxscale-contracts gate`: one verdict from the reports of conform, tests and drift, and the age of contracts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import a_report
from fauxscale_contracts.console.exit_codes import give_up

_REPORT = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Combine reports into one verdict and one page.")
@click.option("--conform", "conforms", multiple=True, type=_REPORT, help="Output of `conform --json`.")
@click.option(
    "--tests", multiple=True, type=_REPORT, help="File written by pytest's --fauxscale-contract-report."
)
@click.option("--drift", "drifts", multiple=True, type=_REPORT, help="Output of `drift --json`.")
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    help="Check the age of this contract: ideogram=2026-10, or ideogram for its default.",
)
@click.option(
    "--max-age",
    default=180,
    show_default=True,
    type=click.IntRange(1),
    help="Maximum age of a contract in days.",
)
@click.option(
    "--drift-fails-at",
    default="risky",
    show_default=True,
    type=click.Choice(["additive", "risky", "breaking"]),
    help="Least serious drift that fails the gate.",
)
@click.option("--strict", is_flag=True, help="Findings to look at fail the gate, too.")
@click.option("--html", type=_REPORT, callback=a_report, help="Write a page to read.")
@click.option("--markdown", type=_REPORT, callback=a_report, help="Write a comment for a pull request.")
@click.option("--junit", type=_REPORT, callback=a_report, help="Write the results as JUnit XML.")
@click.option("--sarif", type=_REPORT, callback=a_report, help="Write SARIF 2.1.0, for code scanning.")
@click.option(
    "--source",
    default="README.md",
    show_default=True,
    help="Project file at which SARIF shows findings that belong to no file.",
)
def gate(
    conforms: tuple[Path, ...],
    tests: tuple[Path, ...],
    drifts: tuple[Path, ...],
    contracts: tuple[str, ...],
    max_age: int,
    drift_fails_at: str,
    strict: bool,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    sarif: Path | None,
    source: str,
) -> None:
    """Combine the reports of the other commands into one verdict and one page.

    Exit status: 0 PASS, 1 FAIL, 2 if a report is missing or has no verdict itself.
    """
    from datetime import UTC, datetime
    from importlib.metadata import version

    from fauxscale.clock import wall
    from fauxscale_contracts.console.atomic_write import write
    from fauxscale_contracts.contract.violations import ContractError
    from fauxscale_contracts.profiles.loading import load

    from . import page, reading, report
    from .finding import Gate
    from .sarif import as_sarif

    now = datetime.fromtimestamp(wall(), UTC)
    try:
        named = [one.partition("=") for one in contracts]
        chosen = [load(provider, api_version=dated or None) for provider, _, dated in named]
    except ContractError as error:
        give_up(str(error))
    parts = [
        *(reading.report("conform", file, reading.conform) for file in conforms),
        *(reading.report("tests", file, reading.tests) for file in tests),
        *(reading.report("drift", file, reading.drift(drift_fails_at)) for file in drifts),
        *([reading.age(chosen, max_age, now.date())] if chosen else []),
    ]
    if not parts:
        give_up("no report given: use --conform, --tests, --drift or --contract")
    found = Gate([one.strictly() for one in parts] if strict else parts)
    number = version("fauxscale")
    made = f"{now:%Y-%m-%d %H:%M} UTC, fauxscale {number}"
    click.echo(report.as_text(found))
    wanted: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (html, lambda: page.as_html(found, made)),
        (markdown, lambda: report.as_markdown(found)),
        (junit, lambda: report.as_junit(found)),
        (sarif, lambda: as_sarif(found, source, number)),
    )
    for file, text in wanted:
        if file is not None:
            try:
                write(file, text())
            except OSError as error:
                click.echo(f"{file} cannot be written: {error.strerror}", err=True)
                sys.exit(2)
    sys.exit(found.exit)
