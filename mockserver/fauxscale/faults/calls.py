"""Faults of API calls, and with `download` of downloads: the service answers badly, late, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, inf
from typing import ClassVar, Literal

from fauxscale.errors import ApiError, Problem

from .fault import AlsoOnDownloads, Ending, FaultContext, Interrupted, NotApplicable, RequestKind, Stage
from .validation import DAY, MOST_BYTES, YEAR, within

_PROBLEMS: Mapping[int, Problem] = {
    400: Problem.INVALID_PARAMETER,
    401: Problem.INVALID_KEY,
    402: Problem.NO_FUNDS,
    403: Problem.INVALID_KEY,
    404: Problem.NOT_FOUND,
    405: Problem.WRONG_METHOD,
    408: Problem.TIMEOUT,
    413: Problem.FILE_TOO_LARGE,
    415: Problem.WRONG_CONTENT_TYPE,
    422: Problem.UNSAFE,
    429: Problem.RATE_LIMITED,
    502: Problem.UPSTREAM_ERROR,
    503: Problem.UNAVAILABLE,
    504: Problem.TIMEOUT,
}


class Ok(AlsoOnDownloads, frozen=True):
    """Let one call succeed, as a step of a script; with `download`, one download."""

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        return None


class Fail(AlsoOnDownloads, frozen=True):
    """Reply with an error of this status, in the provider's own format. `retry_after` in seconds.

    `form` "date": Retry-After is an HTTP-date, that many seconds from now rounded up to whole ones (RFC 9110 §10.2.3);
    fewer than none make it a date that has passed.
    `code` is the provider's own name for one of several errors of that status (fal's "generation_timeout").
    """

    status: int
    retry_after: float | None = None
    message: str | None = None
    code: str | None = None
    form: Literal["seconds", "date"] = "seconds"

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 400, 599, "status")
        within(self, -YEAR if self.form == "date" else 0, YEAR, "retry_after")

    @property
    def error(self) -> ApiError:
        """The error of this fault's reply."""
        problem = _PROBLEMS.get(self.status)
        if problem is None:
            problem = Problem.SERVER_ERROR if self.status >= 500 else Problem.INVALID_PARAMETER
        return ApiError(
            problem,
            self.message or "",
            reason=f"configured: Fail({self.status})",
            status=self.status,
            retry_after=self.retry_after,
            details={"configured": True, "retry_date": self.form == "date"}
            | ({"code": self.code} if self.code else {}),
        )

    async def apply(self, context: FaultContext) -> None:
        raise self.error


class Delay(AlsoOnDownloads, frozen=True):
    """Delay the reply by this many real seconds; with `sigma`, lognormally spread around that median."""

    seconds: float
    sigma: float = 0.0

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within(self, 0, DAY, "seconds")
        within(self, 0, 5, "sigma")

    async def apply(self, context: FaultContext) -> None:
        seconds = self.seconds
        if self.sigma and seconds:
            from statistics import NormalDist  # rarely needed, and slow to import

            # inv_cdf() accepts neither 0, which the dice may roll, nor 1, which they reach as closely as floats can.
            rolled = min(max(await context.roll(), 1e-9), 1 - 1e-9)
            seconds *= exp(NormalDist(0, self.sigma).inv_cdf(rolled))
        await context.wait(min(seconds, DAY))


class Hang(AlsoOnDownloads, frozen=True):
    """Never answer: the connection stays open until the client gives up. No work is done."""

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        await context.hang()


class EmptyResponse(AlsoOnDownloads, frozen=True):
    """Close the connection without a byte. No work is done."""

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        await context.take_body()
        raise Interrupted(Ending("close"))


class ConnectionReset(AlsoOnDownloads, frozen=True):
    """Reset the connection after `after_bytes` of the request body, or all of it if None. No work is done.

    A client that is still sending then may see a broken pipe, or an end without a reply.
    """

    after_bytes: int | None = None

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 0, MOST_BYTES, "after_bytes")

    async def apply(self, context: FaultContext) -> None:
        await context.take_body(inf if self.after_bytes is None else self.after_bytes)
        raise Interrupted(Ending("reset"))


class MalformedChunk(AlsoOnDownloads, frozen=True):
    """Send status 200, then garbage where the first chunk of the body should be, and close. No work is done."""

    stage: ClassVar[Stage] = "call"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        await context.take_body()
        raise Interrupted(Ending("garbage"))


class LoseReply(AlsoOnDownloads, frozen=True):
    """Do the work and charge for it, then lose the reply: reset, close, or never send it.

    `at`: the status and so many bytes of the body arrive first; None: not even the status.
    """

    how: Literal["reset", "close", "hang"] = "reset"
    at: int | None = None

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 0, MOST_BYTES, "at")

    async def apply(self, context: FaultContext) -> None:
        # At least one byte is missing, or nothing would be lost.
        whole = len(context.reply.body)
        context.reply.ending = Ending(self.how, None if self.at is None else max(0, min(self.at, whole - 1)))


class SlowDrip(AlsoOnDownloads, frozen=True):
    """Send the reply's body in `pieces`, spread over this many real seconds."""

    seconds: float = 5.0
    pieces: int = 10

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within(self, 0, DAY, "seconds")
        within(self, 1, 10_000, "pieces")

    async def apply(self, context: FaultContext) -> None:
        if context.reply.ending is not None:
            raise NotApplicable("the reply is cut before it is whole")
        context.reply.ending = Ending("drip", 0, self.seconds, self.pieces)
