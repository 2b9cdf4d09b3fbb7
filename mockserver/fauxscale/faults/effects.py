"""Effects: what a fault asks the code that does the work to do. The code takes those it applies; the rest go back."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct


class Refuse(Struct, frozen=True):
    """Refuse the picture as unsafe."""


class Withhold(Struct, frozen=True):
    """Answer with a success that has no picture and is flagged unsafe; of several images, `only` this one, from 0."""

    only: int | None = None


class Alter(Struct, frozen=True):
    """Make the result another picture than the reply states."""

    how: Literal["same-size", "smaller", "swapped"]


class SendLink(Struct, frozen=True):
    """Send a link where the client requested bytes."""


class ExpireLink(Struct, frozen=True):
    """Expire the link now."""


class PurgePicture(Struct, frozen=True):
    """Purge the picture."""


class RedirectRead(Struct, frozen=True):
    """Answer 302 to this address; if it is empty, to the link itself."""

    to: str


class SwapFormat(Struct, frozen=True):
    """Send a complete picture in another format than declared."""


class RepeatWebhook(Struct, frozen=True):
    """Send the notice so many times."""

    copies: int


class DelayWebhook(Struct, frozen=True):
    """Send the notice so many seconds late, by the account's clock."""

    seconds: float


class HoldWebhook(Struct, frozen=True):
    """Send the notice after the next one."""


Effect: TypeAlias = (
    Refuse
    | Withhold
    | Alter
    | SendLink
    | ExpireLink
    | PurgePicture
    | RedirectRead
    | SwapFormat
    | RepeatWebhook
    | DelayWebhook
    | HoldWebhook
)
