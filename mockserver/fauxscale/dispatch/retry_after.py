"""Retry-After: writes it for refusals and notes it in the journal; with virtual time the wait is over at once."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime

from starlette.responses import Response

from fauxscale.clock import http_date, wall
from fauxscale.errors import ApiError
from fauxscale.numbers import read_number

from .provider import Call


def word_wait(call: Call, error: ApiError, response: Response) -> None:
    """Write the Retry-After of a refusal that has one: in seconds or, if configured, as a date that is no earlier."""
    if error.retry_after is None:
        return
    # The intended value: a date has whole seconds only.
    call.entry.retry_after = max(0.0, error.retry_after)
    if error.details.get("retry_date"):
        response.headers["retry-after"] = http_date(math.ceil(call.now + error.retry_after))
    else:
        # RFC 9110 §10.2.3 knows only whole seconds; clients read the fractions that tests configure all the same.
        response.headers["retry-after"] = f"{error.retry_after:f}".rstrip("0").rstrip(".")


async def note_wait(call: Call, response: Response) -> None:
    """Note the Retry-After of a reply in the journal. With virtual `time`, move the account's clock over the wait at
    once and send the client no wait: 0, the smallest value of the grammar (RFC 9110 §10.2.3), or a date that has passed
    by that clock and by any other."""
    said = response.headers.get("retry-after", "")
    if not said:
        return
    seconds = read_number(said)
    dated = seconds is None
    if seconds is None:
        seconds = _seconds_until(said, call.now)
    if seconds is None:
        return
    asked = max(0.0, seconds) if call.entry.retry_after is None else call.entry.retry_after
    call.entry.retry_after = asked
    if call.terms.time != "virtual" or asked <= 0:
        return
    response.headers["retry-after"] = http_date(min(wall(), call.now)) if dated else "0"
    # openai's clients take 0 for missing and choose a wait of their own, but honour this (openai-python 3, 2026).
    if "x-stainless-lang" in call.request.headers:
        response.headers["retry-after-ms"] = "1"
    clock = await call.account.clock()
    # Calls refused together wait together: the clock is moved to the end of the wait, not by its length.
    if clock.now() < call.now + asked:
        await call.account.set_clock(clock.set(call.now + asked))


def _seconds_until(said: str, now: float) -> float | None:
    """Seconds from `now` to an HTTP-date; None for other text."""
    try:
        return parsedate_to_datetime(said).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
