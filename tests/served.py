"""`fauxscale serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

import httpx

from tests.stages import Stage


@contextmanager
def serving(
    *flags: str, env: dict[str, str] | None = None
) -> Generator[tuple[dict[str, object], subprocess.Popen[str]]]:
    """`fauxscale serve --json` as a process of its own: its ready line, and the process."""
    command = [sys.executable, "-m", "fauxscale", "serve", "--port", "0", "--json", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield json.loads(line), process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serving_logged(soft: int = 0, hard: int = 0) -> Generator[tuple[str, int, IO[str]]]:
    """`fauxscale serve`: its address, its process and its log. `soft` and `hard` limit its descriptors."""
    command = [sys.executable, "-m", "fauxscale", "serve", "--port", "0", "--json", "--quiet"]
    if soft:
        limit = f"import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard or soft}))"
        command = [sys.executable, "-c", f"{limit}; os.execv({sys.executable!r}, {command!r})"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"], process.pid, log
        finally:
            process.kill()
            process.communicate()


def stage_of(ready: dict[str, object], client: httpx.Client) -> Stage:
    class Running:
        url = str(ready["url"])

        def base_url(self, provider: str) -> str:
            providers = ready["providers"]
            assert isinstance(providers, dict)
            return str(providers[provider])

    return Stage("socket", Running(), client)  # type: ignore[arg-type]  # only its addresses are used
