"""The options that choose a settings file, and the file that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from .settings_file import BadSettingsFile, SettingsFile, find, read

PORT = 2160
_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE, _NONE = "fauxscale.settings_file", "fauxscale.no_settings_file"


def settings_options(
    defaults: Callable[[click.Context, SettingsFile], dict[str, object]],
) -> Callable[[_Command], _Command]:
    """Give a command --no-config and --config. The file is read before other options, and `defaults` makes their
    defaults from it."""

    def forbid(context: click.Context, option: click.Parameter, forbidden: bool) -> None:
        if forbidden and _FILE in context.meta and _was_typed(context, option):
            raise click.UsageError("--config and --no-config exclude each other")
        context.meta[_NONE] = forbidden and _FILE not in context.meta

    def use(context: click.Context, option: click.Parameter, path: Path | None) -> None:
        if context.meta.get(_NONE):
            if _was_typed(context, option):
                raise click.UsageError("--config and --no-config exclude each other")
            return
        file = settings_of(path)
        if file is not None:
            context.meta[_FILE] = file
            context.default_map = defaults(context, file)

    def decorate(command: _Command) -> _Command:
        config = click.option(
            "--config",
            metavar="FILE",
            type=click.Path(path_type=Path),
            is_eager=True,
            expose_value=False,
            callback=use,
            help="The settings file.  [default: fauxscale.toml or pyproject.toml, here or above]",
        )
        no_config = click.option(
            "--no-config",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=forbid,
            help="Read no settings file.",
        )
        return no_config(config(command))

    return decorate


def settings_of(path: Path | None) -> SettingsFile | None:
    """Read the settings file that was named, or the one found for this folder. Raises BadSettingsFile."""
    file = find(Path.cwd()) if path is None else read(path)
    if file is None and path is not None:
        raise BadSettingsFile(f"{path} has no [tool.fauxscale]")
    return file


def file_in_use() -> SettingsFile | None:
    """The settings file that the running command has read."""
    context = click.get_current_context(silent=True)
    return file_of(context) if context and _FILE in context.meta else None


def file_of(context: click.Context) -> SettingsFile:
    """The settings file that made the defaults of a context."""
    file: SettingsFile = context.meta[_FILE]
    return file


def clients_options() -> Callable[[_Command], _Command]:
    """Give a command that calls the server --no-config and --config: its defaults are the address and token of `serve`
    here."""

    def defaults(context: click.Context, file: SettingsFile) -> dict[str, object]:
        found = {"url": address(file), "key": _first_key(file), "token": file.table.get("token")}
        return {name: value for name, value in found.items() if isinstance(value, str)}

    return settings_options(defaults)


def _first_key(file: SettingsFile) -> object:
    keys = file.table.get("key") or [one.get("key") for one in file.accounts()]
    several = cast("list[object]", keys) if isinstance(keys, list) else [keys]
    return several[0] if several else None


def address(file: SettingsFile | None) -> str:
    """The address of a `fauxscale serve` that reads this file."""
    table: Mapping[str, object] = file.table if file else {}
    host, port = str(table.get("host", "127.0.0.1")), table.get("port", PORT)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http{'s' if table.get('tls') is True else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def settings_by_name(context: click.Context, but: frozenset[str]) -> dict[str, click.Parameter]:
    """The options of a command by their names in a file, `link_ttl` for --link-ttl; without these."""
    named = {one.opts[0].removeprefix("--").replace("-", "_"): one for one in context.command.params}
    return {name: one for name, one in named.items() if isinstance(one, click.Option) and name not in but}


def _was_typed(context: click.Context, option: click.Parameter) -> bool:
    return context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
