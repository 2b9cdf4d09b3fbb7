"""Writes a file whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file. Raises OSError. An existing file stays until everything is written; devices and pipes are written
    to."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    half = path.with_name(f".{path.name}.part")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise
