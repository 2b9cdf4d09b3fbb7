"""What an application and `fauxscale[pytest]` come to in one environment: `make beside` writes it into the docs.

Nothing is installed: uv resolves each application alone and beside this checkout. Where fauxscale asks for too much,
a resolver takes an older version of the application, or finds nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from .lock import ROOT, pins

PAGE = ROOT / "docs" / "get-started.md"
BEGIN, END = "<!-- beside -->\n", "<!-- /beside -->\n"
# As their users ask for them; gradio 5 is the first whose Pillow is not older than the floor here.
APPLICATIONS = ("gradio>=5", "fastapi", "django", "streamlit", "litellm")
SHOWN = ("pillow", "starlette", "uvicorn", "httpx", "pytest")
PYTHON = "3.11"
_SECONDS = 180


class Unresolved(Exception):
    """No versions fit together, or no index could be asked; says what uv said."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An application by the version that it has alone, and all versions beside fauxscale, by name."""

    name: str
    alone: str
    together: Mapping[str, str]

    @property
    def is_held_back(self) -> bool:
        return self.together[self.name] != self.alone


def beside(application: str) -> Beside:
    """Resolve an application alone and beside `.[pytest]`, for Python 3.11 here. Raises Unresolved."""
    name = application.partition(">")[0]
    return Beside(name, resolved(application)[name], resolved(application, f"{ROOT}[pytest]"))


def resolved(*requirements: str) -> dict[str, str]:
    """The versions that uv chooses for these requirements, by name. Raises Unresolved."""
    done = subprocess.run(
        [
            sys.executable,
            *["-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version"],
            PYTHON,
            "-",
        ],
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise Unresolved(done.stderr)
    # Packages of this machine have an address and no version.
    lines = [line for line in done.stdout.splitlines() if "==" in line]
    return {pin.name: pin.version for pin in pins("\n".join(lines))}


def table(found: Iterable[Beside], day: str) -> str:
    """The versions as Markdown."""
    rows = [
        f"| {one.name} {one.together[one.name]} | {' | '.join(one.together.get(name, '') for name in SHOWN)} |"
        for one in found
    ]
    lines = [
        f"Resolved on {day} for Python {PYTHON}:",
        "",
        f"| `fauxscale[pytest]` beside | {' | '.join(SHOWN)} |",
        f"|---|{'---|' * len(SHOWN)}",
        *rows,
    ]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    found = [beside(application) for application in APPLICATIONS]
    if held := [one for one in found if one.is_held_back]:
        sys.exit("\n".join(f"{one.name} {one.together[one.name]} only, alone {one.alone}" for one in held))
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    written = table(found, datetime.now(UTC).date().isoformat())
    PAGE.write_text(f"{before}{BEGIN}\n{written}\n{END}{rest.split(END)[1]}", "utf-8")
    print(written)


if __name__ == "__main__":
    main()
