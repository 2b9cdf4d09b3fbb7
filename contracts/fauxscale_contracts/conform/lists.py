"""All scenarios of all lists by their ids, as one id may be staged or judged differently in another list."""

from __future__ import annotations

from fauxscale_contracts.profiles.installed import profiles

from .scenarios import scenarios


def every_scenario() -> dict[str, dict[tuple[str, str], list[str]]]:
    """Find each id, and under it what is staged and what is right, with the names of the lists that have it so."""
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for profile in profiles().by_name.values():
        for operation in ("", *profile.operations):
            for one in scenarios(profile.name, operation):
                variants = found.setdefault(one.id, {})
                variants.setdefault((one.about, str(one.expect)), []).append(
                    f"{profile.name} {operation}".rstrip()
                )
    return found
