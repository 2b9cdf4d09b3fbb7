"""Cleans what a client prints: removes its user's secrets and terminal codes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fauxscale.redact import Mask
from fauxscale_contracts.contract.violations import brief

# Codes that colour a terminal, move its cursor or set its window title.
_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|password)$")
# Node.js prints its version after an uncaught error; the error's own line is above its stack.
_NODE = re.compile(r"Node\.js v\d+\.\d+\.\d+")
_ERROR = re.compile(r"(?:Uncaught )?\[?(?:[A-Z]\w*)?(?:Error|Exception|Rejection)\b")
_SHORTEST = 8  # `USE_TOKEN=true` contains no secret


class Sanitizer:
    """Cleans texts for one environment: hides the values of its `*_KEY`, `*_TOKEN`, `*_SECRET`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._mask = Mask(
            value for name, value in env.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
        )

    def clean(self, text: str) -> str:
        """The text without secrets and unprintable characters."""
        plain = _CODES.sub("", text)
        return self._mask.text("".join(one if one.isprintable() else " " for one in plain))

    def line(self, text: str, most: int) -> str:
        """The same on one line of about `most` characters."""
        return brief(self.clean(text), most)

    def reason(self, said: bytes, most: int) -> str:
        """The line of a program's output that says why it ended: the last one, except for lines that Node.js adds after
        an error."""
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        if lines and _NODE.fullmatch(lines[-1].strip()):
            lines = [line for line in lines if _ERROR.match(line)] or lines[:-1]
        return self.line(lines[-1], most) if lines else ""
