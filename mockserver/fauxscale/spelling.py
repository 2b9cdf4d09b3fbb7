"""Suggests the name that was probably meant, for error messages about unknown names."""

from __future__ import annotations

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


def nearest(said: str, known: Iterable[str], *, least: float = 0.6) -> str | None:
    """Find the known name that is spelt most like this one; None where none is `least` alike, from 0 to 1.

    Of `ideogram.upscael` only what follows the dot is compared, with the other names of `ideogram`: what is right makes
    nothing else near.
    """
    from difflib import get_close_matches  # only once something is wrong

    asked, by_spelling = _plain(said[:200]), {_plain(name): name for name in known}
    begin = asked[: asked.find(".") + 1]
    alike = [name.removeprefix(begin) for name in by_spelling if name.startswith(begin)]
    begin, among = (begin, alike) if alike else ("", list(by_spelling))
    near = get_close_matches(asked.removeprefix(begin), among, 1, least)
    return by_spelling[begin + near[0]] if near else None


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
