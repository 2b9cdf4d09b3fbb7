"""What was ordered and not delivered yet, kept beside the file it is for: it outlives a crash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


class Receipt:
    """One order. It is opened before the call that costs money, and torn up once the picture is saved."""

    def __init__(self, target: Path, photo: bytes) -> None:
        self._file = target.with_name(target.name + ".receipt")
        self._photo = hashlib.sha256(photo).hexdigest()

    @property
    def is_open(self) -> bool:
        """Whether this photo was ordered before, by this process or another."""
        return self._file.exists() and json.loads(self._file.read_text())["photo"] == self._photo

    @property
    def link(self) -> str | None:
        """Where the picture can be fetched; None while nobody knows what became of the order."""
        link: str | None = json.loads(self._file.read_text())["link"]
        return link

    def write(self, link: str | None = None) -> None:
        self._file.write_text(json.dumps({"photo": self._photo, "link": link}))

    def tear_up(self) -> None:
        self._file.unlink(missing_ok=True)
