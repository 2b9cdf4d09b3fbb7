"""Finds the contract that a call belongs to, among those of all providers."""

from __future__ import annotations

from dataclasses import dataclass

from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.operations import Operation, find

from .installed import profiles
from .loading import load
from .profile import Profile


@dataclass(frozen=True, slots=True)
class Match:
    """The profile, the contract and the operation that a call belongs to."""

    profile: Profile
    contract: Contract
    operation: Operation


class ContractIndex:
    """Finds the contract a call belongs to, among one API version of each provider."""

    def __init__(self, chosen: dict[str, str] | None = None) -> None:
        """`chosen`: API versions by provider; the default for all others."""
        self._matches = {
            operation.name: Match(one, contract, operation)
            for one in profiles().by_name.values()
            for contract in [load(one.name, api_version=(chosen or {}).get(one.name))]
            for operation in contract.operations.values()
        }

    def find(self, method: str, url: str) -> Match | None:
        """Find the operation that answers at an address; None if no contract has it."""
        found = find([one.operation for one in self._matches.values()], method, url)
        return self._matches[found.name] if found else None
