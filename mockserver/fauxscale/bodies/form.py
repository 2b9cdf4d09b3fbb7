"""Forms as values: the parts, the caps on their size, and the errors for a malformed one."""

from __future__ import annotations

from msgspec import Struct

from fauxscale.errors import ApiError, Problem

MIB = 1024 * 1024


class Caps(Struct, frozen=True):
    """Limits on reading a body. Sizes in bytes, times in seconds; a value equal to its cap passes."""

    file: int = 10 * MIB
    """One file part, or one decoded picture."""
    text: int = 256 * 1024
    """One text part."""
    parts: int = 20
    files: int = 4
    headers: int = 8
    """Header lines of one part."""
    body: int | None = None
    """A whole form; None: one file and 1 MiB for everything around it. Read it through `whole`."""
    json: int = MIB
    receive_seconds: float = 30.0
    """The longest silence between two pieces of a body."""
    body_seconds: float = 120.0
    """From the first read of a body to its end."""

    @property
    def whole(self) -> int:
        """The cap on a whole form, in bytes."""
        return self.file + MIB if self.body is None else self.body


class Part(Struct, frozen=True):
    """One part of a form. `name`, `filename` and `content_type` are labels from a stranger: never a path.

    A part is a file if it has a file name, even only by `filename*` or an empty one (what a browser sends for an
    empty file field). `content_type` is the declared media type, in lower case, without its parameters; None if
    none was declared.
    """

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None
    is_file: bool = False

    @property
    def text(self) -> str:
        """The data as text: always available for a text part; ApiError for a file that is not UTF-8."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise malformed(f"{shown(self.name)}: byte {error.start} is not UTF-8", self.name) from None


class Form(Struct, frozen=True):
    """The parts of a form in the order they came; names may repeat."""

    parts: tuple[Part, ...] = ()

    def all(self, name: str) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.name == name)

    def last(self, name: str) -> Part | None:
        return next((part for part in reversed(self.parts) if part.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name once, in order of first appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts))


def shown(label: str) -> str:
    """Quote a client's label in a reason: printable ASCII of bounded length."""
    plain = len(label) <= 60 and label.isascii() and label.isprintable() and label != ""
    return label if plain else ascii(label[:60])


def format_size(size: int) -> str:
    exact = f"{size:,} bytes"
    return f"{size / MIB:g} MB ({exact})" if size >= MIB else exact


def malformed(reason: str, param: str | None = None, **details: object) -> ApiError:
    return ApiError(
        Problem.MALFORMED_BODY,
        "Request body is not a valid form",
        reason=f"the form cannot be read: {reason}",
        param=param,
        details=details,
    )


def malformed_header(number: int) -> ApiError:
    """Make the error for an invalid header line of part `number`."""
    return malformed(
        f"part {number} has a header line that does not read `Name: value` or does not end in CR LF"
    )
