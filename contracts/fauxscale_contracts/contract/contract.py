"""Recorded contracts: found by name and API version, read, and asked what an exchange does wrong."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import cast

from . import checks
from .exchange import Exchange
from .operations import METHODS, Operation, find
from .schemas import Document, Json
from .violations import ContractError, Violation, brief

RECORDED = Path(__file__).parents[1] / "recorded"
_SUFFIX = ".openapi.json"
# The API versions that the stand-in imitates unless told otherwise. A later recording changes no test by itself.
_DEFAULTS = {"ideogram": "2026-04", "aigateway": "2026-06", "lumenfall": "2026-06", "fal": "2026-08"}


class Contract:
    """What one service promises, as recorded on a date."""

    def __init__(self, provider: str, api_version: str, document: Json) -> None:
        """Raises ContractError, naming the place, for a document that is no usable contract."""
        self.provider = provider
        self.api_version = api_version
        self.document = document
        self._document = Document(document)
        self.operations: dict[str, Operation] = {}
        if not str(document.get("openapi", "")).startswith("3.1"):
            raise self._faulty("it is not an OpenAPI 3.1 document")
        for path, item in _objects(document.get("paths"), self._faulty("it has no paths")):
            for method in METHODS:
                if method in item:
                    self._add(path, item, method)
        if not self.operations:
            raise self._faulty("it has no operations")

    def operation(self, name: str) -> Operation:
        """The operation of that stable name. Raises ContractError listing those there are."""
        if name not in self.operations:
            known = ", ".join(self.operations)
            raise ContractError(
                f"no operation {name!r} in {self.provider} {self.api_version}: choose from {known}"
            )
        return self.operations[name]

    def find(self, method: str, url: str) -> Operation | None:
        """The operation that answers at this address, on the real hosts or on any other; None: none does."""
        return find(tuple(self.operations.values()), method, url)

    def check_request(self, exchange: Exchange) -> list[Violation]:
        """How the request departs from the contract; empty when it does not."""
        operation = self._operation_of(exchange)
        return (
            [_lost(self, exchange)]
            if operation is None
            else checks.check_request(operation, exchange.request)
        )

    def check_response(self, exchange: Exchange) -> list[Violation]:
        """How the reply departs from the contract; empty when it does not, or when none came."""
        operation = self._operation_of(exchange)
        if operation is None:
            return [_lost(self, exchange)]
        return checks.check_response(operation, exchange.request, exchange.reply) if exchange.reply else []

    def compile(self) -> None:
        """Compile every schema now. Raises ContractError for one that is faulty."""
        for operation in self.operations.values():
            for schema in operation.schemas():
                try:
                    schema.violations(None, ())
                except ContractError as error:
                    raise self._faulty(f"{operation.name}: {error}") from error

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


def api_versions() -> dict[str, list[str]]:
    """The API versions on record for each provider, oldest first."""
    found = sorted(RECORDED.glob(f"*/*{_SUFFIX}"))
    return {
        provider: [one.name.removesuffix(_SUFFIX) for one in found if one.parent.name == provider]
        for provider in sorted({one.parent.name for one in found})
    }


@lru_cache(maxsize=32)
def load(provider: str, *, api_version: str | None = None) -> Contract:
    """The recorded contract of a provider: of its usual API version, or of the one asked for.

    Raises ContractError, listing what is on record, for names it does not know.
    """
    known = api_versions()
    if provider not in known:
        raise ContractError(f"no contract of {provider!r} is on record: choose from {', '.join(known)}")
    api_version = api_version or _DEFAULTS.get(provider, known[provider][-1])
    if api_version not in known[provider]:
        raise ContractError(
            f"no {provider} contract of {api_version!r}: choose from {', '.join(known[provider])}"
        )
    return _read(RECORDED / provider / f"{api_version}{_SUFFIX}", provider, api_version)


def load_file(path: str | Path) -> Contract:
    """A contract of your own: an OpenAPI 3.1 file whose operations have operationIds; checked whole."""
    path = Path(path)
    contract = _read(path, path.parent.name or "own", path.name.removesuffix(_SUFFIX))
    contract.compile()
    return contract


def load_operation(name: str, *, api_version: str | None = None) -> Operation:
    """An operation by its stable name, `ideogram.upscale`, whose first word is the provider."""
    return load(name.partition(".")[0], api_version=api_version).operation(name)


def _read(path: Path, provider: str, api_version: str) -> Contract:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ContractError(f"the contract {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ContractError(f"the contract {path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"the contract {path} is not a JSON object")
    return Contract(provider, api_version, cast("Json", document))


def _objects(node: object, otherwise: ContractError) -> list[tuple[str, Json]]:
    if not isinstance(node, dict):
        raise otherwise
    return [(str(name), item) for name, item in cast("Json", node).items() if isinstance(item, dict)]


def _lost(contract: Contract, exchange: Exchange) -> Violation:
    asked = f"{exchange.request.method} {exchange.request.url.partition('?')[0]}"
    known = ", ".join(f"{one.method} {one.path}" for one in contract.operations.values())
    return Violation(
        "/method",
        f"{brief(asked, 100)} is no operation of {contract.provider}",
        "would be rejected",
        brief(known),
    )
