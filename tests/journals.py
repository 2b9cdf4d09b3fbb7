"""The journal, read where it is kept."""

from __future__ import annotations

import asyncio

from fauxscale.state.journal import Entry
from tests.stages import Stage


def entries(stage: Stage, account_id: str) -> list[Entry]:
    """The journal of an account, read where it is kept."""

    async def read() -> list[Entry]:
        account = await stage.mock.app.accounts.get(account_id)
        return [] if account is None else await account.journal.entries()

    return asyncio.run(read())
