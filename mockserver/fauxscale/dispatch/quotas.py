"""The limits of a call: its provider's quotas, as changed by its account's terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fauxscale.settings import Terms
from fauxscale.state.rate_limits import MINUTE, Quota


def quotas_under(usual: Sequence[Quota], terms: Terms) -> Sequence[Quota]:
    """Return the quotas of a call: the provider's, with the account's terms for calls a minute and at once.

    Terms change the numbers, not how they are counted. If terms set calls a minute, this is the only limit over
    time on all calls: a provider's further windows belong to its own number.
    """
    if terms.rate_limit is not None:
        usual = _limited(
            usual, lambda one: one.window is not None, Quota(most=terms.rate_limit, window=MINUTE)
        )
    if terms.in_flight is not None:
        usual = _limited(usual, lambda one: one.window is None, Quota(most=terms.in_flight))
    return usual


def _limited(usual: Sequence[Quota], replaces: Callable[[Quota], bool], wanted: Quota) -> Sequence[Quota]:
    """Replace the quotas on all operations that it `replaces` by this one, counted like the one with its window."""
    replaced = [one for one in usual if one.on == wanted.on and replaces(one)]
    alike = next((one for one in replaced if one.window == wanted.window), wanted)
    return [replace(alike, most=wanted.most), *(one for one in usual if one not in replaced)]
