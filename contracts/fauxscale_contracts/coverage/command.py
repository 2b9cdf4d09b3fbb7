"""`fauxscale-contracts coverage combine`: merges the coverage of several runs, in any language."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from fauxscale_contracts.console.arguments import a_report
from fauxscale_contracts.console.exit_codes import give_up

_REPORT = click.Path(dir_okay=False, path_type=Path)


@click.group(short_help="Tell which failure situations tests have met.")
def coverage() -> None:
    """Situation coverage: which of the situations that a client must survive occurred in the tests."""


@coverage.command()
@click.argument("files", nargs=-1, required=True, type=_REPORT)
@click.option("--html", type=_REPORT, callback=a_report, help="Write a page to read.")
@click.option(
    "--json", "json_file", type=_REPORT, callback=a_report, help="Write everything, to be combined again."
)
@click.option("--md", type=_REPORT, callback=a_report, help="Write a comment for a pull request.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 1 if fewer of the situations were met.",
)
def combine(
    files: tuple[Path, ...],
    html: Path | None,
    json_file: Path | None,
    md: Path | None,
    fail_under: float | None,
) -> None:
    """Combine FILES written by pytest's --fauxscale-coverage=json or `fauxscale run --coverage`.

    Exit status: 0, 1 below --fail-under, 2 if a file is not a coverage file.
    """
    from datetime import UTC, datetime
    from importlib.metadata import version

    from fauxscale.clock import wall
    from fauxscale_contracts.console.atomic_write import write
    from fauxscale_contracts.contract.violations import ContractError

    from .coverage import Coverage
    from .files import as_json, read
    from .markdown import as_markdown
    from .page import as_html
    from .text import as_text, summary

    found = Coverage()
    for file in files:
        try:
            found.add_members(read(file).to_members())
        except ContractError as error:
            give_up(str(error))
    if not found:
        give_up("these files contain no calls of a known service")
    made = f"{datetime.fromtimestamp(wall(), UTC):%Y-%m-%d %H:%M} UTC, fauxscale {version('fauxscale')}"
    click.echo(as_text(found))
    click.echo(summary(found))
    wanted: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (html, lambda: as_html(found, made)),
        (json_file, lambda: as_json(found)),
        (md, lambda: as_markdown(found)),
    )
    for path, text in wanted:
        if path is not None:
            try:
                write(path, text())
            except OSError as error:
                give_up(f"{path} cannot be written: {error.strerror}")
    if fail_under is not None and found.share < fail_under:
        click.echo(f"{found.share:.1f} % of the situations were met, less than {fail_under:g} %", err=True)
        sys.exit(1)
