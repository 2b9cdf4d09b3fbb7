"""Completes the names of providers in a shell."""

from __future__ import annotations

from .installed import profiles


def provider_names(_: object, __: object, begun: str) -> list[str]:
    """Complete to the name of a provider with a contract."""
    return [name for name in profiles().by_name if name.startswith(begun)]
