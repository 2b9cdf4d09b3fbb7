"""The libraries that extras install, and the error that names the extra if one is missing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from .errors import FauxscaleError

# Module names, and the smallest extra that installs each.
EXTRAS: Mapping[str, str] = {
    "pytest": "pytest",
    "respx": "pytest",
    "jsonschema_rs": "pytest",
    "python_multipart": "pytest",
    "hypothesis": "contracts",
    "schemathesis": "contracts",
    "trustme": "tls",
    "cryptography": "tls",
    "isal": "fast",
    "redis": "redis",
}


class MissingExtra(FauxscaleError, ImportError):
    """A library that an extra brings is not installed. The message is one line with the command that installs it."""

    def __init__(self, what: str, library: str, extra: str | None = None) -> None:
        install = f"pip install 'fauxscale[{extra or EXTRAS[library]}]'"
        super().__init__(f"{what} needs {library}: {install}", name=library)


@contextmanager
def needed_by(what: str, extra: str | None = None) -> Generator[None]:
    """Raise MissingExtra if an import in this block fails because an extra is not installed.

    `what` needs it: the subject of the message. `extra`: the one to name, if not the smallest that has it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRAS:
            raise
        raise MissingExtra(what, library, extra) from None
