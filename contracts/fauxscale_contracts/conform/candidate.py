"""The protocol of a client under test: given a picture and an endpoint, it makes a larger picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Ending: TypeAlias = Literal["returned", "failed", "crashed", "hung"]
"""returned: it says it succeeded. failed: it says it did not. crashed: it broke. hung: it was stopped at its limit."""


class CannotRun(Exception):
    """Raised where the client cannot be run at all. Says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address and key for a client; `env` is the same in the provider's usual variables."""

    provider: str
    base_url: str
    api_key: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to enlarge, in `limit` seconds."""

    endpoint: Endpoint
    image: bytes
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    limit: float = 10.0


@dataclass(frozen=True, slots=True)
class ClientResult:
    """The outcome of a task: how it ended, the picture if one was saved, and a line about what else there was.

    `unread`: why what was saved could not be read and is no picture then. `notes`: what it left behind.
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
        """Tell whether these options can be passed on to it."""
        ...

    def run(self, task: Task) -> ClientResult:
        """Have it enlarge the picture. Raises CannotRun when it cannot be run at all."""
        ...

    def stop(self) -> None:
        """End what is running, and start no more."""
        ...
