"""The JavaScript programs of docs/clients.md, and what they upscale."""

from __future__ import annotations

import re

from tests.conftest import FIXTURES

PHOTO = FIXTURES / "images" / "astronaut.png"


ADDRESS = "http://127.0.0.1:2160"


PAGE = FIXTURES.parent / "docs" / "clients.md"


PROGRAMS = re.findall(r"^```js\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
