"""Suggests the name that was probably meant, for error messages about unknown names."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def did_you_mean(said: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name, `, did you mean 'ideogram.upscale'?`; "" where none is near.

    Upper and lower case are the same here, and so are hyphens, underscores and spaces.
    """
    near = nearest(said, known)
    return f", did you mean {near!r}?" if near else ""


def choose_from(said: str, known: Iterable[str]) -> str:
    """End an error message with what there is: `, did you mean 'fal'? choose from aigateway, fal`, or
    `: choose from aigateway, fal` where nothing is near."""
    listed = list(known)
    return f"{did_you_mean(said, listed) or ':'} choose from {', '.join(listed)}"


class NoAttribute(AttributeError):
    """A module has no attribute of this name. What was probably meant is found where the message is read: modules are
    asked in passing for names that they lack, by `from . import` for one."""

    def __init__(self, module: str, name: str, known: Iterable[str]) -> None:
        super().__init__(module, name, known)

    def __str__(self) -> str:
        module, name, known = self.args
        return f"module {module!r} has no attribute {name!r}{did_you_mean(name, known)}"


def missing_name(module: str, name: str, known: Iterable[str]) -> AttributeError | ImportError:
    """Make the error for a name that a module lacks, to be raised in its `__getattr__`.

    Python words the ImportError of `from module import name` itself, without what the module has said, unless
    `__getattr__` raises one. Any other asker expects an AttributeError.
    """
    asked = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]  # who asked `__getattr__`
    if not asked.f_code.co_filename.startswith("<frozen importlib") and f"{module}.{name}" not in sys.modules:
        from opcode import opname  # only once something is wrong

        if opname[asked.f_code.co_code[asked.f_lasti]] == "IMPORT_FROM":
            return ImportError(
                f"cannot import {name!r} from {module!r}{did_you_mean(name, known)}", name=name
            )
    return NoAttribute(module, name, known)


def nearest(said: str, known: Iterable[str], *, least: float = 0.6) -> str | None:
    """Find the known name that is spelt most like this one; None where none is `least` alike, from 0 to 1."""
    return next(iter(nearest_few(said, known, 1, least=least)), None)


def nearest_few(said: str, known: Iterable[str], most: int, *, least: float = 0.6) -> list[str]:
    """Find the known names that are spelt most like this one, the nearest first, `most` of them at most.

    Of `ideogram.upscael` only what follows the dot is compared, with the other names of `ideogram`: what is right makes
    nothing else near.
    """
    from difflib import get_close_matches  # only once something is wrong

    asked, by_spelling = _plain(said[:200]), {_plain(name): name for name in known}
    begin = asked[: asked.find(".") + 1]
    alike = [name.removeprefix(begin) for name in by_spelling if name.startswith(begin)]
    begin, among = (begin, alike) if alike else ("", list(by_spelling))
    near = get_close_matches(asked.removeprefix(begin), among, most, least)
    return [by_spelling[begin + one] for one in near]


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
