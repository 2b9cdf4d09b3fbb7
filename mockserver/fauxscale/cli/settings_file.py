"""Settings from a file: `fauxscale.toml`, or `[tool.fauxscale]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from msgspec import Struct

from fauxscale.settings import Terms, WrongSetting
from fauxscale.spelling import choose_from

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider

OWN, SHARED = "fauxscale.toml", "pyproject.toml"
_SECTION = ("tool", "fauxscale")
_REPOSITORY = (".git", ".hg")
# Settings that name files: in a settings file these paths are relative to it.
_PATHS = frozenset({"replay", "state"})
# These two are tables in a file, and NAME=VALUE on a command line.
_TABLES = {"set": "a table of provider options", "api_version": "a table of dates by provider"}


class BadSettingsFile(click.ClickException):
    """A settings file that cannot be used: one line with the file, the line if it is known, and what is wrong."""

    exit_code = 2


class SettingsFile(Struct, frozen=True):
    """A settings file that was read. `table` holds fauxscale's settings, by the names of flags with underscores."""

    path: Path
    text: str
    table: Mapping[str, object]

    @property
    def shown(self) -> str:
        """The path as shown to people: relative to the working directory if it is below that."""
        try:
            return str(self.path.relative_to(Path.cwd()))
        except ValueError:
            return str(self.path)

    def problem(self, path: Sequence[str | int], problem: str) -> BadSettingsFile:
        """Make the error for the setting at `path`."""
        from .toml_lines import line_of  # only once something is wrong

        line = line_of(self.text, _SECTION if self.path.name == SHARED else (), path)
        return BadSettingsFile(f"{self.shown}{f', line {line}' if line else ''}: {problem}")

    def defaults(self, options: Mapping[str, click.Parameter]) -> dict[str, object]:
        """Return the settings as click takes defaults. `options` are those that may be set, by their names here.

        Raises BadSettingsFile for unknown names and wrong types.
        """
        found: dict[str, object] = {}
        for name, value in self.table.items():
            if name == "account":
                continue
            if name not in options:
                known = (*sorted(options), "account")
                raise self.problem((name,), f"unknown setting {name!r}{choose_from(name, known)}")
            if wanted := _misfit(name, value, options[name]):
                raise self.problem((name,), f"{name} must be {wanted}, got {_brief(value)}")
            found[str(options[name].name)] = self._as_given(name, value, options[name])
        return found

    def _as_given(self, name: str, value: object, option: click.Parameter) -> object:
        """Return a value in the form of the command line."""
        if name in _TABLES:
            return [f"{one}={_text(said)}" for one, said in flat(value).items()]
        if name in _PATHS:
            return str(self.path.parent / str(value))
        several = isinstance(option, click.Option) and option.multiple
        return [value] if several and isinstance(value, str) else value

    def accounts(self) -> tuple[Mapping[str, object], ...]:
        """The accounts to open at the start, as in `Settings.accounts`. Raises BadSettingsFile if it is no list of
        tables."""
        listed = self.table.get("account", [])
        members = cast("list[object]", listed) if isinstance(listed, list) else [listed]
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in members):
            raise self.problem(("account",), "account must be a list of tables, each begun by [[account]]")
        return tuple(_account(cast("dict[str, object]", one)) for one in members)

    def check(self, providers: Sequence[Provider]) -> None:
        """Raise BadSettingsFile for a value that no server accepts."""
        from fauxscale.control.starting import read_accounts
        from fauxscale.dispatch.options import parse_options

        for name in Terms.__struct_fields__:
            if name in self.table and name != "options":
                with self._blamed(name):
                    Terms.from_mapping({name: self.table[name]})
        for name, value in flat(self.table.get("set", {})).items():
            with self._blamed("set", name):
                parse_options({name: value}, providers)
        for name, value in flat(self.table.get("api_version", {})).items():
            with self._blamed("api_version", name):
                parse_options({f"{name}.api_version": value}, providers)
        with self._blamed("account"):
            read_accounts(self.accounts(), providers)

    @contextmanager
    def _blamed(self, *path: str) -> Generator[None]:
        """Make the error about the setting at `path`."""
        try:
            yield
        except WrongSetting as wrong:
            raise self.problem(wrong.path, wrong.problem) from None
        except ValueError as wrong:
            raise self.problem(path, str(wrong)) from None


def find(start: Path) -> SettingsFile | None:
    """Find the settings for a folder: its own, or else those of the nearest folder above it in the same repository.
    `fauxscale.toml` wins over the pyproject.toml beside it. Raises BadSettingsFile for broken TOML."""
    for folder in _folders(start.absolute()):
        for name in (OWN, SHARED):
            if (folder / name).is_file() and (found := read(folder / name)) is not None:
                return found
    return None


def _folders(start: Path) -> Sequence[Path]:
    """The folder and those above it up to the repository's; the folder alone without a repository: folders above may be
    anybody's."""
    above = (start, *start.parents)
    for number, folder in enumerate(above):
        if any((folder / mark).exists() for mark in _REPOSITORY):
            return above[: number + 1]
    return above[:1]


def read(path: Path) -> SettingsFile | None:
    """Read a settings file; None for a pyproject.toml without settings of fauxscale. Raises BadSettingsFile."""
    settings = SettingsFile(path.absolute(), "", {})
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSettingsFile(f"{settings.shown} cannot be read: {reason}") from None
    try:
        table: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if path.name == SHARED and "tool.fauxscale" not in text:
            return None  # somebody else's to fix
        raise BadSettingsFile(f"{settings.shown} is no TOML: {error}") from None
    for name in _SECTION if path.name == SHARED else ():
        if not isinstance(table, dict) or name not in table:
            return None
        table = cast("dict[str, object]", table)[name]
    if not isinstance(table, dict):
        raise BadSettingsFile(f"{settings.shown}: tool.fauxscale must be a table")
    return SettingsFile(path.absolute(), text, _named(cast("dict[str, object]", table)))


def flat(value: object, begin: str = "") -> dict[str, object]:
    """Join the names of nested tables: `ideogram.max_pixels = 1` without quotes is a table in a table."""
    found: dict[str, object] = {}
    for name, one in cast("dict[str, object]", value).items() if isinstance(value, dict) else ():
        if isinstance(one, dict):
            found |= flat(cast("object", one), f"{begin}{name}.")
        else:
            found[f"{begin}{name}"] = one
    return found


def _named(table: Mapping[str, object]) -> dict[str, object]:
    """The table with underscores in its names: a flag is written with hyphens."""
    return {name.replace("-", "_"): value for name, value in table.items()}


def _account(table: Mapping[str, object]) -> dict[str, object]:
    members = _named(table)
    if isinstance(members.get("clock"), date):  # a time of TOML's own
        members["clock"] = str(cast("datetime", members["clock"]).isoformat())
    if isinstance(members.get("set"), dict):
        members["set"] = flat(members["set"])
    return members


def _misfit(name: str, value: object, option: click.Parameter) -> str:
    """The expected kind of value; "" if the value is valid."""
    if name in _TABLES:
        return "" if isinstance(value, dict) else _TABLES[name]
    if isinstance(option, click.Option) and option.multiple:
        texts: Iterable[object] = cast("list[object]", value) if isinstance(value, list) else (value,)
        return "" if all(isinstance(one, str) for one in texts) else "a text or a list of texts"
    wanted, kinds = _KINDS.get(option.type.name, ("a text", (str,)))
    if isinstance(value, bool) and bool not in kinds:
        return wanted
    return "" if isinstance(value, kinds) else wanted


_KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "boolean": ("true or false", (bool,)),
    "integer": ("a whole number", (int,)),
    "integer range": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _brief(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."
