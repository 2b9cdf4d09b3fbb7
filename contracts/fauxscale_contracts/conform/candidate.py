"""The protocol of a client under test: given files and an endpoint, it makes a picture, or a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from fauxscale.errors import FauxscaleError
from fauxscale_contracts.profiles.profile import Task as Kind

Ending: TypeAlias = Literal["returned", "failed", "crashed", "hung"]
"""returned: it reported success. failed: it reported failure. crashed: it broke. hung: it was stopped at its limit."""


LIMIT = 30.0
"""The default time limit for one picture, in seconds: a client's own time-outs have to end before."""


class CannotRun(FauxscaleError):
    """Raised if the client cannot be run at all, with the reason."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address and key for a client; `env` is the same in the provider's usual variables."""

    provider: str
    base_url: str
    api_key: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to enlarge, in `limit` seconds; or another task by its `kind`, with a mask or without a picture."""

    endpoint: Endpoint
    image: bytes | None
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    limit: float = LIMIT
    mask: bytes | None = None
    kind: Kind = "upscale"

    @property
    def files(self) -> dict[str, bytes]:
        """The files that a client gets, by name."""
        every = {"image": self.image, "mask": self.mask}
        return {name: data for name, data in every.items() if data is not None}


@dataclass(frozen=True, slots=True)
class ClientResult:
    """The outcome of a task: how it ended, the picture if one was saved, and a line with anything else. For a task that
    makes a text, that text is in place of the picture, in UTF-8.

    `unread`: why the saved file could not be read, and so is no picture. `notes`: what the client left behind.
    """

    ending: Ending
    picture: bytes | None = None
    said: str = ""
    unread: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        details = "; ".join(one for one in (self.said, *self.notes) if one)
        return self.ending + (f" ({details})" if details else "")


class Candidate(Protocol):
    """A client under test. May be run from several threads at once."""

    def accepts(self, options: Mapping[str, object]) -> bool:
        """Check whether these options can be passed to it."""
        ...

    def run(self, task: Task) -> ClientResult:
        """Run the task. Raises CannotRun if the client cannot be run at all."""
        ...

    def stop(self) -> None:
        """End all running tasks, and start no more."""
        ...
