"""Usage: which places of a contract its clients use, and who uses each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange, Reply, Request
from fauxscale_contracts.contract.members import members, parts
from fauxscale_contracts.contract.operations import Operation

# Users by place, by operation.
Users: TypeAlias = dict[str, dict[str, list[str]]]


class Usage:
    """What clients sent and read, of one contract.

    A place is `/query/<name>`, `/headers/<name>`, `/body/…` with a part of a form or a member of JSON,
    `/answers/<status>`, or `/answers/<status>/body/…`; `*` is any item of a list. A user is a test's id, or any name.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._users: dict[str, dict[str, set[str]]] = {}

    def note(
        self, operation: Operation, exchange: Exchange, user: str, read: Iterable[str] | None = None
    ) -> None:
        """Note an exchange of an operation.

        `read` are the places of the answer's body that the client read, if known. Otherwise it may have used all of
        them.
        """
        asked, answered = exchange.request, exchange.reply
        received = _received(operation, answered, read) if answered else ()
        for place in ("", *_sent(operation, asked), *received):
            self.add(operation.name, place, user)

    def add(self, operation: str, place: str, user: str) -> None:
        """Note one place."""
        self._users.setdefault(operation, {}).setdefault(place, set()).add(user)

    def users(self, operation: str, place: str = "") -> list[str]:
        """Who uses a place, in order; without a place, who uses the operation."""
        return sorted(self._users.get(operation, {}).get(place, ()))

    def places(self, operation: str) -> dict[str, list[str]]:
        """Every place of an operation that is used, with its users."""
        return {place: sorted(users) for place, users in self._users.get(operation, {}).items()}

    def to_members(self) -> Users:
        """All of it as JSON, for another process."""
        return {operation: self.places(operation) for operation in self._users}

    def add_members(self, users: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
        """Add the output of `to_members`."""
        for operation, places in users.items():
            for place, named in places.items():
                for user in named:
                    self.add(operation, place, user)


def answer_place(operation: Operation, status: int) -> str:
    """The place of an answer: its status as the contract writes it, `5XX` for a whole class."""
    answer = operation.answer(status)
    return f"/answers/{answer.status if answer else status}"


def _sent(operation: Operation, request: Request) -> Iterable[str]:
    yield from (
        f"/query/{name}" for name, _ in parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    )
    for parameter in operation.parameters:
        if parameter.place == "header" and request.header(parameter.name) is not None:
            yield f"/headers/{parameter.name.lower()}"
    yield from parts(request)


def _received(operation: Operation, reply: Reply, read: Iterable[str] | None) -> Iterable[str]:
    answer = answer_place(operation, reply.status)
    yield answer
    for place in (one for one, _ in members(reply.body)) if read is None else read:
        yield answer + place
