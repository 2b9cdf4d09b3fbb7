"""Money is exact: nothing is charged beyond the funds, nothing twice, and what is returned can be spent again."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from fauxscale.errors import ApiError, Problem
from fauxscale.state.ledger import Charge, Ledger
from fauxscale.state.scope import Scope

CHARGE = Charge("charge_1", 0.0, "ideogram.upscale", 60_000, 1, "call_1", ("blob",), "{}")


def test_a_charge_fits_into_the_funds_or_leaves_no_trace(scope: Scope) -> None:
    async def spend() -> None:
        ledger = Ledger(scope)
        await ledger.charge(CHARGE, 100_000)
        with pytest.raises(ApiError) as refused:
            await ledger.charge(CHARGE, 100_000)
        assert refused.value.problem is Problem.NO_FUNDS
        assert refused.value.details == {"price": 60_000, "left": 40_000}
        assert "costs $0.06 and the wallet has $0.04" in refused.value.reason
        assert (await ledger.spent(), await ledger.charges()) == (60_000, [CHARGE])
        with pytest.raises(ApiError):
            await ledger.check(60_000, 100_000)
        await ledger.check(40_000, 100_000)

    asyncio.run(spend())


def test_without_a_limit_everything_is_counted_all_the_same(scope: Scope) -> None:
    async def spend() -> int:
        ledger = Ledger(scope)
        for _ in range(3):
            await ledger.check(60_000, None)
            await ledger.charge(CHARGE, None)
        return await ledger.spent()

    assert asyncio.run(spend()) == 180_000


def test_a_refund_stands_beside_its_charge_and_frees_the_money(scope: Scope) -> None:
    async def spend() -> None:
        ledger = Ledger(scope)
        await ledger.charge(CHARGE, 60_000)
        refund = replace(CHARGE, id="refund_1", micros=-60_000, images=-1, refunds="charge_1")
        assert await ledger.refund(refund, 60_000)
        assert not await ledger.refund(refund, 60_000)
        assert await ledger.charges() == [CHARGE, refund]
        await ledger.charge(CHARGE, 60_000)
        assert await ledger.totals() == {"images": 1, "micros": 60_000}

    asyncio.run(spend())


def test_a_hundred_at_once_spend_no_cent_twice(scope: Scope) -> None:
    async def spend() -> tuple[int, int]:
        ledger = Ledger(scope)
        results = await asyncio.gather(
            *(ledger.charge(CHARGE, 600_000) for _ in range(100)), return_exceptions=True
        )
        return results.count(None), await ledger.spent()

    assert asyncio.run(spend()) == (10, 600_000)
