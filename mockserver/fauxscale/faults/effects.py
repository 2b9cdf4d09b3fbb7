"""Effects: what a fault asks the code that does the work to do. What acts on one takes it; the rest go back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the picture as unsafe."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """Answer with a success that has no picture and is flagged unsafe; of several images, `only` this one, from 0."""

    only: int | None = None


@dataclass(frozen=True, slots=True)
class Alter:
    """Make the result another picture than the reply says."""

    how: Literal["same-size", "smaller", "swapped"]


@dataclass(frozen=True, slots=True)
class SendLink:
    """Send a link where bytes were asked for."""


@dataclass(frozen=True, slots=True)
class ExpireLink:
    """Expire the link now."""


@dataclass(frozen=True, slots=True)
class PurgePicture:
    """Purge the picture."""


@dataclass(frozen=True, slots=True)
class RedirectRead:
    """Answer 302 to this address; to the one that was read where it is empty."""

    to: str


@dataclass(frozen=True, slots=True)
class SwapFormat:
    """Send a whole picture in another format than is said."""


@dataclass(frozen=True, slots=True)
class RepeatWebhook:
    """Send the notice so many times."""

    copies: int


@dataclass(frozen=True, slots=True)
class DelayWebhook:
    """Send the notice so many seconds late, by the account's clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HoldWebhook:
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
