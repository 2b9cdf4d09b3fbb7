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
    """Hash what a charge was for: operation, parameters and picture; computed when first asked for."""
    upload = await ask.account.digest(charge.source)
    if not upload:
        load = partial(ask.account.store.get_blob, charge.source)
        upload = await ask.accounts.renderer.digest(charge.source, load) or charge.source
    sent = f"{charge.operation}\n{charge.params_digest}\n{upload}"
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


ROUTES = (ControlRoute("GET", "/accounts/{id}/ledger", read),)
