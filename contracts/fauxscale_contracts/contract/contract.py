"""A recorded contract: read from its document, and used to check exchanges."""

from __future__ import annotations

from collections import Counter
from typing import cast

from fauxscale.spelling import choose_from

from . import checks
from .confidence import Confidence, check_vocabulary
from .exchange import Exchange
from .operations import METHODS, Operation, find
from .schemas import Document, Json
from .violations import ContractError, Violation, brief


class Contract:
    """What one service promises, as recorded on a date."""

    def __init__(self, provider: str, api_version: str, document: Json) -> None:
        """Raises ContractError, naming the place, for an unusable document."""
        self.provider = provider
        self.api_version = api_version
        self.document = document
        self._document = Document(document)
        self.operations: dict[str, Operation] = {}
        if not str(document.get("openapi", "")).startswith("3.1"):
            raise self._faulty("it is not an OpenAPI 3.1 document")
        try:
            check_vocabulary(document)
        except ContractError as error:
            raise self._faulty(str(error)) from None
        for path, item in _objects(document.get("paths"), self._faulty("it has no paths")):
            for method in METHODS:
                if method in item:
                    self._add(path, item, method)
        if not self.operations:
            raise self._faulty("it has no operations")

    def operation(self, name: str) -> Operation:
        """Find an operation by its stable name. Raises ContractError that lists the known ones."""
        if name not in self.operations:
            known = choose_from(name, self.operations)
            raise ContractError(f"no operation {name!r} in {self.provider} {self.api_version}{known}")
        return self.operations[name]

    def find(self, method: str, url: str) -> Operation | None:
        """Find the operation that answers at this address, on the real hosts or on any other; None if there is none."""
        return find(tuple(self.operations.values()), method, url)

    def check_request(self, exchange: Exchange) -> list[Violation]:
        """List the violations of the contract in the request."""
        operation = self._operation_of(exchange)
        return (
            [_no_operation(self, exchange)]
            if operation is None
            else checks.check_request(operation, exchange.request)
        )

    def check_response(self, exchange: Exchange) -> list[Violation]:
        """List the violations of the contract in the reply; empty also if there is no reply."""
        operation = self._operation_of(exchange)
        if operation is None:
            return [_no_operation(self, exchange)]
        return checks.check_response(operation, exchange.request, exchange.reply) if exchange.reply else []

    def compile(self) -> None:
        """Compile every schema now. Raises ContractError for an invalid one."""
        for operation in self.operations.values():
            for schema in operation.schemas():
                try:
                    schema.violations(None, ())
                except ContractError as error:
                    raise self._faulty(f"{operation.name}: {error}") from error

    def confidences(self) -> Counter[Confidence]:
        """Count its statements by certainty; shared parts count once."""
        every = (one for operation in self.operations.values() for one in operation.statements())
        found: dict[int, Confidence] = {one.place: one.confidence for one in every}
        return Counter(found.values())

    def _operation_of(self, exchange: Exchange) -> Operation | None:
        if exchange.operation:
            return self.operation(exchange.operation)
        return self.find(exchange.request.method, exchange.request.url)

    def _add(self, path: str, item: Json, method: str) -> None:
        place = f"{method.upper()} {path}"
        try:
            operation = Operation(self._document, path, item, method)
        except ContractError as error:
            raise self._faulty(f"{place}: {error}") from error
        except KeyError as error:
            raise self._faulty(f"{place} lacks {error}") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise self._faulty(f"{place} is malformed: {brief(str(error))}") from error
        if operation.name in self.operations:
            raise self._faulty(f"{place}: the operationId {operation.name!r} is taken")
        self.operations[operation.name] = operation

    def _faulty(self, what: str) -> ContractError:
        return ContractError(f"the {self.provider} contract of {self.api_version} is faulty: {what}")


def _objects(node: object, otherwise: ContractError) -> list[tuple[str, Json]]:
    if not isinstance(node, dict):
        raise otherwise
    return [(str(name), item) for name, item in cast("Json", node).items() if isinstance(item, dict)]


def _no_operation(contract: Contract, exchange: Exchange) -> Violation:
    asked = f"{exchange.request.method} {exchange.request.url.partition('?')[0]}"
    known = ", ".join(f"{one.method} {one.path}" for one in contract.operations.values())
    return Violation(
        "/method",
        f"{brief(asked, 100)} is not an operation of {contract.provider}",
        "would be rejected",
        brief(known),
    )
