"""Runs a drift check: sends the probes to the service and to a stand-in, and compares the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from fauxscale.clock import wall
from fauxscale_contracts.contract.certainty import certainty
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.loading import load
from fauxscale_contracts.profiles.outcomes import Outcome, Service, Trials, look, paid, rate_limit
from fauxscale_contracts.profiles.probing import run
from fauxscale_contracts.profiles.profile import SUFFIX, Profile
from fauxscale_contracts.usage.usage import Usage

from .compare import Difference, by_gravity, compare, graded
from .narrowing import narrow
from .observed import Origin, diff, rewrite
from .report import DriftReport

_NO_TRIALS = Trials()


async def examine(
    provider: str,
    base_url: str,
    key: str,
    http: httpx.AsyncClient,
    *,
    timeout: float = 120.0,
    api_version: str | None = None,
    recorded: Path | None = None,
    used: Sequence[Usage] = (),
    trials: Trials = _NO_TRIALS,
) -> DriftReport:
    """Probe a service through `http`, and compare. A whole answer may take `timeout` seconds. If `used` is given, only
    what is in it counts towards the verdict.

    Raises Unreachable, ContractError, RecordingError.
    """
    probed = profile(provider)
    contract = load(provider, api_version=api_version)
    kept = [] if recorded is None else _recorded(recorded, contract)
    live = await run(probed, base_url, key, http, timeout=timeout)
    stood_in = await _stand_in(probed, contract.api_version)
    service = Service(probed, contract, base_url, key, http, timeout)
    outcomes = [one async for one in look(service, live, trials)]
    outcomes.append(await rate_limit(service, trials.rate_limit))
    findings = by_gravity(
        [*compare(contract, live, stood_in, kept), *_departures(contract, probed, outcomes)]
    )
    unused: list[Difference] = []
    if used:
        findings, unused = narrow(findings, used, live, stood_in, probed.results.operation)
    statuses = {name: one.reply.status for name, one in live.items() if one.reply}
    cost = sum(
        max(probe.cost, probe.risk if statuses.get(probe.id, 0) < 300 else 0) for probe in probed.probes
    )
    day = f"{datetime.fromtimestamp(wall(), UTC):%Y-%m-%d}"
    seen = rewrite(contract, live, Origin(f"answers of {base_url}", day), [key])
    patch = diff(contract.document, seen, f"{provider}/{contract.api_version}{SUFFIX}")
    untried = [f"{one.name}: {one.message}" for one in outcomes if one.verdict == "untried"]
    about = provider, contract.api_version, base_url, cost + trials.cost(probed)
    return DriftReport(*about, statuses, findings, patch, unused, untried)


def _departures(contract: Contract, profile: Profile, outcomes: Iterable[Outcome]) -> Iterator[Difference]:
    """The failed checks that the comparison does not cover: it covers refused probes and pictures."""
    compared = {"picture", *(probe.id for probe in profile.probes)}
    operation = contract.operation(paid(profile).operation)
    for one in outcomes:
        if one.verdict == "FAIL" and one.name not in compared:
            sure = certainty(operation, 200, one.pointer or "/status")
            yield Difference(graded("breaking", sure), one.name, one.pointer, one.message)


async def _stand_in(profile: Profile, api_version: str) -> dict[str, Exchange]:
    from fauxscale_contracts.profiles.stand_in import stand_in

    with stand_in(profile, api_version, listen=False) as mock:
        async with httpx.AsyncClient(transport=mock.transport()) as http:
            key = mock.account().api_key(profile.name)
            return await run(profile, mock.base_url(profile.name), key, http)


def _recorded(folder: Path, contract: Contract) -> list[Exchange]:
    from dataclasses import replace

    from fauxscale.recordings.har import Recording

    found: list[Exchange] = []
    for entry in Recording(folder).entries():
        exchange = Exchange.from_har(entry)
        operation = contract.find(exchange.request.method, exchange.request.url)
        if operation is not None:
            found.append(replace(exchange, operation=operation.name))
    return found
