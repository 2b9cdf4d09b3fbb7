"""Collects what clients use of all contracts, and writes it: an OpenAPI document and a Pact for each contract."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from fauxscale_contracts.console.atomic_write import write
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange
from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.profiles.loading import load

from . import document, pact
from .usage import Usage


class Collected:
    """Usage by contract, and an interaction for each operation and status."""

    def __init__(self) -> None:
        self._usages: dict[tuple[str, str], Usage] = {}
        self._interactions: dict[tuple[str, str], dict[str, Json]] = {}

    def note(
        self,
        contract: Contract,
        operation: Operation,
        exchange: Exchange,
        user: str,
        read: Collection[str] | None = None,
    ) -> None:
        """Note an exchange of an operation; `read` as in `Usage.note`."""
        self._of(contract).note(operation, exchange, user, read)
        if exchange.reply is not None:
            kept = self._interactions[contract.provider, contract.api_version]
            key = f"{operation.name} {exchange.reply.status}"
            if key not in kept:
                kept[key] = pact.interaction(key, operation, exchange.request, exchange.reply, user, read)

    def to_members(self) -> list[Json]:
        """All of it as JSON, for another process."""
        return [
            {
                "provider": provider,
                "api_version": api_version,
                "users": usage.to_members(),
                "interactions": self._interactions[provider, api_version],
            }
            for (provider, api_version), usage in self._usages.items()
        ]

    def add_members(self, members: Iterable[Mapping[str, Any]]) -> None:
        """Add the output of `to_members`."""
        for one in members:
            contract = load(one["provider"], api_version=one["api_version"])
            self._of(contract).add_members(one["users"])
            kept = self._interactions[contract.provider, contract.api_version]
            for key, made in one["interactions"].items():
                kept.setdefault(key, made)

    def write(self, folder: Path, consumer: str) -> list[Path]:
        """Write the files, and return them. Raises OSError if that fails."""
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        for (provider, api_version), usage in sorted(self._usages.items()):
            interactions = [one for _, one in sorted(self._interactions[provider, api_version].items())]
            files = {
                "usage": document.write(usage),
                "pact": pact.pact(consumer, provider, interactions),
            }
            for kind, made in files.items():
                written.append(folder / f"{provider}-{api_version}.{kind}.json")
                write(written[-1], json.dumps(made, indent=2, ensure_ascii=False) + "\n")
        return written

    def _of(self, contract: Contract) -> Usage:
        key = contract.provider, contract.api_version
        self._interactions.setdefault(key, {})
        return self._usages.setdefault(key, Usage(contract))
