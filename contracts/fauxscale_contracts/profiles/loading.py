"""Loads contracts by provider and API version, and a user's own contracts by file."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import cast

from fauxscale.spelling import choose_from
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import ContractError

from .installed import profile, profiles
from .profile import SUFFIX


def api_versions() -> dict[str, list[str]]:
    """The API versions on record for each provider, oldest first."""
    return {name: one.api_versions() for name, one in sorted(profiles().by_name.items())}


@lru_cache(maxsize=32)
def load(provider: str, *, api_version: str | None = None) -> Contract:
    """The recorded contract of a provider: of its default API version, or of the given one.

    Raises ContractError, listing the recorded ones, for unknown names.
    """
    found = profile(provider)
    known = found.api_versions()
    api_version = api_version or found.api_version
    if api_version not in known:
        raise ContractError(f"no {provider} contract of {api_version!r}{choose_from(api_version, known)}")
    return _read(found.document(api_version), provider, api_version)


def load_file(path: str | Path) -> Contract:
    """A contract of your own: an OpenAPI 3.1 file whose operations have operationIds; checked as a whole."""
    path = Path(path)
    contract = _read(path, path.parent.name or "own", path.name.removesuffix(SUFFIX))
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
