"""Money over the control API: what was charged for which work, and what is left."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from fauxscale.state.ledger import Charge

from .request import Ask, ControlRoute


async def read(ask: Ask) -> object:
    """The wallet and every charge, in micro-dollars. Equal fingerprints are the same work, paid for again."""
    await ask.catch_up()
    account = ask.account
    spent, funds = await account.ledger.spent(), await account.funds()
    charges = [
        asdict(charge) | {"fingerprint": await _fingerprint(ask, charge)}
        for charge in await account.ledger.charges()
    ]
    return {"spent": spent, "balance": None if funds is None else funds - spent, "charges": charges}


async def _fingerprint(ask: Ask, charge: Charge) -> str:
    """Names what was sent: operation, parameters and picture, hashed only now that somebody asks."""
    upload = await ask.account.digest(charge.source)
    if not upload:
        data = await ask.account.store.get_blob(charge.source)
        upload = await ask.accounts.renderer.digest(charge.source, data) or charge.source
    sent = f"{charge.operation}\n{charge.params}\n{upload}"
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


ROUTES = (ControlRoute("GET", "/accounts/{id}/ledger", read),)
