"""Finds the profiles: built-in ones, and those of installed packages (entry points `fauxscale.profiles`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from fauxscale.spelling import choose_from
from fauxscale_contracts.contract.violations import ContractError, brief

from . import aigateway, fal, ideogram, lumenfall
from .profile import Profile

GROUP = "fauxscale.profiles"
BUILT_IN: tuple[Profile, ...] = (ideogram.PROFILE, aigateway.PROFILE, lumenfall.PROFILE, fal.PROFILE)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by name, and a line for each installed one that cannot be used."""

    by_name: Mapping[str, Profile]
    unusable: tuple[str, ...]


@cache
def profiles() -> Profiles:
    """Find every profile, built in or installed; once in a process."""
    found = {one.name: one for one in BUILT_IN}
    unusable: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (_package(one), one.name)):
        why = _add(entry, found)
        if why:
            unusable.append(f"the profile {entry.name!r} of the package {_package(entry)} is not used: {why}")
    return Profiles(found, tuple(unusable))


def profile(name: str, operation: str = "") -> Profile:
    """Look up the profile of a provider, or of one of its `operations`. Raises ContractError listing those known."""
    every = profiles()
    if name in every.by_name:
        found = every.by_name[name]
        if operation and operation not in found.operations:
            raise ContractError(
                f"{name} has no list of scenarios for {operation!r}"
                + (choose_from(operation, found.operations) if found.operations else ": it has one list only")
            )
        return found.operations[operation] if operation else found
    lost = "".join(f"; {line}" for line in every.unusable)
    raise ContractError(
        f"no contract of {name!r} is on record{choose_from(name, sorted(every.by_name))}{lost}"
    )


def _add(entry: EntryPoint, found: dict[str, Profile]) -> str:
    """Load an entry point into `found`; or return a line that says why it cannot be loaded."""
    try:
        made = entry.load()
    except (Exception, SystemExit) as error:  # somebody else's module may raise anything when it is loaded
        return brief(f"{type(error).__name__}: {error}")
    if not isinstance(made, Profile):
        return f"{entry.value} is a {type(made).__name__}, not a fauxscale_contracts.Profile"
    if made.name in found:
        return f"the name {made.name!r} is taken"
    try:
        dates = made.api_versions()
    except (OSError, TypeError, AttributeError) as error:
        return brief(f"{type(error).__name__}: {error}")
    if made.api_version not in dates:
        return f"there is no {made.document(made.api_version)}"
    found[made.name] = made
    return ""


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "of no name"
