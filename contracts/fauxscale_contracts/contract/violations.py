"""The values checks return: a violation says where, what, how bad and by which recorded rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fauxscale.errors import FauxscaleError

Severity: TypeAlias = Literal["would be rejected", "ignored", "undocumented"]
# In a request: the service would refuse it · would ignore it · its behaviour is not documented.
# In a reply: a client that relies on the contract would refuse it · (not used) · it is not recorded.


class ContractError(FauxscaleError):
    """Raised for a contract that is missing or cannot be read. The message lists the existing ones, or the problem."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which an exchange departs from its contract.

    `pointer` is a JSON pointer whose first step names the place: `/method`, `/query/…`, `/headers/…`,
    `/status`, `/body/…`. Parts of a form and members of a JSON body follow `/body` alike. `rule` is the
    recorded rule in a few words, `maximum 100`.
    """

    pointer: str
    message: str
    severity: Severity
    rule: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.pointer}: {self.message} [{self.rule}]"


def pointer(steps: Iterable[object]) -> str:
    """Write steps as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def brief(text: str, most: int = 160) -> str:
    """Shorten text to one line, leaving out the middle of a long one."""
    line = " ".join(text.split()) if len(text) <= 2000 else text[:1000] + text[-1000:]
    line = " ".join(line.split())
    if len(line) <= most:
        return line
    return f"{line[: most * 2 // 3]} … {line[-most // 4 :]}"
