"""Faults of webhooks: the notice is sent twice, late, or after the next one."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from .effects import DelayWebhook, HoldWebhook, RepeatWebhook
from .fault import FaultContext, RequestKind, Stage
from .validation import YEAR, within


class DuplicateWebhook(Struct, frozen=True):
    """Send the webhook of this job `copies` times (at most 100), whatever the receiver replies."""

    copies: int = 2

    stage: ClassVar[Stage] = "webhook"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within(self, 1, 100, "copies")

    async def apply(self, context: FaultContext) -> None:
        context.ask(RepeatWebhook(self.copies))


class LateWebhook(Struct, frozen=True):
    """Delay the webhook of this job by this many seconds of the account's clock."""

    seconds: float

    stage: ClassVar[Stage] = "webhook"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within(self, 0, YEAR, "seconds")

    async def apply(self, context: FaultContext) -> None:
        context.ask(DelayWebhook(self.seconds))


class SwapWebhooks(Struct, frozen=True):
    """Hold the webhook of this job until the next one has been sent, so they arrive out of order."""

    stage: ClassVar[Stage] = "webhook"
    kind: ClassVar[RequestKind] = "api"
    combines: ClassVar[bool] = True

    async def apply(self, context: FaultContext) -> None:
        context.ask(HoldWebhook())
