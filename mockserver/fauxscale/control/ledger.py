"""Control API route for an account's money: charges, refunds, balance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec.structs import asdict

from fauxscale.state.account import Account
from fauxscale.state.ledger import Charge

from .request import Ask, ControlRoute


async def read(ask: Ask) -> object:
    """Read the wallet and every charge, in micro-dollars. Equal fingerprints are the same work, charged again."""
    await ask.catch_up()
    account = ask.account
    spent, left = await account.ledger.spent(), await account.balance()
    told = [asdict(charge) | {"fingerprint": print_} for charge, print_ in await fingerprinted(account)]
    return {"spent": spent, "balance": left, "charges": told}


async def fingerprinted(account: Account) -> list[tuple[Charge, str]]:
    """Read every charge, oldest first, and its fingerprint: equal ones are the same work."""
    charges, digests = await account.ledger.charges(), await account.ledger.digests()
    stored = [source for charge in charges for source in charge.sources if source not in digests]
    digests |= await account.store.digests(stored)
    return [(charge, _fingerprint(charge, digests)) for charge in charges]


def _fingerprint(charge: Charge, digests: Mapping[str, str]) -> str:
    """Hash what a charge was for: operation, parameters and the digests of its pictures."""
    uploads = [digests.get(source, source) for source in charge.sources]
    sent = "\n".join([charge.operation, charge.params_digest, *uploads])
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


ROUTES = (ControlRoute("GET", "/accounts/{id}/ledger", read),)
