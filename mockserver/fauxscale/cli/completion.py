"""`fauxscale completion SHELL`: the completion script for both commands, and the values it completes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider

_SHELLS = ("bash", "zsh", "fish")
_PROGRAMS = ("fauxscale", "fauxscale-contracts")


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes `fauxscale` and `fauxscale-contracts` in a shell: commands, flags, names.

    eval "$(fauxscale completion bash)"
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    command = click.get_current_context().find_root().command
    for program in _PROGRAMS:
        # click recognizes the command by the name of the variable that the script sets.
        click.echo(kind(command, {}, program, f"_{program.replace('-', '_')}_COMPLETE".upper()).source())


def provider_names(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete to the name of a provider."""
    return [CompletionItem(one.name) for one in _providers() if one.name.startswith(begun)]


def option_names(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete to a provider option and its `=`, and then to its values."""
    from fauxscale.dispatch.options import declared

    found: list[str] = []
    for name, option in declared(_providers()).items():
        choices = ("true", "false") if isinstance(option.default, bool) else option.choices
        found += [f"{name}="] if "=" not in begun else [f"{name}={one}" for one in choices]
    return [CompletionItem(one) for one in found if one.startswith(begun)]


def dated_names(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete to a provider and a date of its contract: `ideogram=2026-10`."""
    from fauxscale.dispatch.options import declared

    dates = {
        f"{name.partition('.')[0]}={date}"
        for name, option in declared(_providers()).items()
        if name.endswith(".api_version")
        for date in option.choices
    }
    return [CompletionItem(one) for one in sorted(dates) if one.startswith(begun)]


def _providers() -> tuple[Provider, ...]:
    from fauxscale.providers import PROVIDERS  # not for the script
    from fauxscale.providers.installed import find_providers

    return (*PROVIDERS, *find_providers(PROVIDERS).providers)
