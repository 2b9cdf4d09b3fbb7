"""Control API route for an account's money: charges, refunds, balance."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import partial

from fauxscale.state.ledger import Charge

from .request import Ask, ControlRoute


async def read(ask: Ask) -> object:
    """Read the wallet and every charge, in micro-dollars. Equal fingerprints are the same work, charged again."""
    await ask.catch_up()
    account = ask.account
    spent, left = await account.ledger.spent(), await account.balance()
    charges = [
        asdict(charge) | {"fingerprint": await _fingerprint(ask, charge)}
        for charge in await account.ledger.charges()
    ]
    return {"spent": spent, "balance": left, "charges": charges}


async def _fingerprint(ask: Ask, charge: Charge) -> str:
    """Hash what a charge was for: operation, parameters and pictures; computed when first asked for."""
    uploads = [await _digest(ask, source) for source in charge.sources]
    sent = "\n".join([charge.operation, charge.params_digest, *uploads])
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


async def _digest(ask: Ask, source: str) -> str:
    known = await ask.account.digest(source)
    if known:
        return known
    load = partial(ask.account.store.get_blob, source)
    return await ask.accounts.renderer.digest(source, load) or source


ROUTES = (ControlRoute("GET", "/accounts/{id}/ledger", read),)
