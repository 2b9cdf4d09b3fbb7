"""The pytest plugin of fauxscale, and the names that tests of its users are typed and configured with."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fauxscale.client import AccountHandle as AccountHandle

    from .account import TestedAccount as TestedAccount
    from .contract_check import ContractWarning as ContractWarning
    from .item_checks import UnusedFault as UnusedFault
    from .remote import Server as Server
    from .samples import SampleImages as SampleImages

__all__ = [
    "AccountHandle",
    "ContractWarning",
    "SampleImages",
    "Server",
    "TestedAccount",
    "UnusedFault",
]

# Imported on first use, so that a run that uses none of it does not load it.
_MODULES = {
    "AccountHandle": "fauxscale.client",
    "ContractWarning": "pytest_fauxscale.contract_check",
    "SampleImages": "pytest_fauxscale.samples",
    "Server": "pytest_fauxscale.remote",
    "TestedAccount": "pytest_fauxscale.account",
    "UnusedFault": "pytest_fauxscale.item_checks",
}


if not TYPE_CHECKING:  # otherwise a type checker would accept any name

    def __getattr__(name: str) -> Any:
        if not name[:1].isupper():  # a submodule, which `from . import` looks up here before importing it
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name not in _MODULES:
            from fauxscale.spelling import missing_name

            raise missing_name(__name__, name, __all__)
        from fauxscale.extras import needed_by

        with needed_by(f"{__name__}.{name}"):
            return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
