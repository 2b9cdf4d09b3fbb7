"""Narrows findings to what clients use, by the documents that `fauxscale-contracts usage` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fauxscale_contracts.contract.exchange import Exchange
from fauxscale_contracts.usage.usage import Usage, answer_place

from .compare import Difference


def narrow(
    findings: Sequence[Difference],
    usages: Sequence[Usage],
    live: Mapping[str, Exchange],
    stood_in: Mapping[str, Exchange],
    results: str,
) -> tuple[list[Difference], list[Difference]]:
    """Split findings into those about places that a client uses, with its name, and the rest.

    `results` is the operation whose replies contain links to pictures: reads of those have no operation of their
    own.
    """
    used: list[Difference] = []
    unused: list[Difference] = []
    for one in findings:
        exchanges = live.get(one.probe), stood_in.get(one.probe)
        users = sorted({user for usage in usages for user in _users(usage, one.pointer, *exchanges, results)})
        (used if users else unused).append(replace(one, used_by=tuple(users)))
    return used, unused


def _users(
    usage: Usage, pointer: str, live: Exchange | None, stood_in: Exchange | None, results: str
) -> list[str]:
    """Who uses the place of a finding: for an answer's status or headers, all who got the answer."""
    name = next((one.operation for one in (live, stood_in) if one and one.operation), results)
    if name not in usage.contract.operations:
        return []
    operation = usage.contract.operation(name)
    met = stood_in if pointer == "/status" else live
    if met is None or met.reply is None or not met.operation:
        return usage.users(name)
    answer = answer_place(operation, met.reply.status)
    return usage.users(name, answer + pointer if pointer.startswith("/body") else answer)
