"""Installed packages with profiles, written into a folder that a process has on its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fauxscale_contracts.new.skeleton import Route, skeleton

PROFILE = """
from pathlib import Path
from fauxscale_contracts import Probe, Profile, Results

PROFILE = Profile(
    name={name!r},
    api_version="2026-10",
    recorded=Path(__file__).parent / "recorded",
    key_header=("X-Acme-Key", ""),
    work="acme.upscale",
    replies="acme.upscale",
    results=Results(operation="acme.upscale", carrier="body"),
    probes=(Probe(id="a small picture", operation="acme.upscale", path="/upscale", picture="image", cost=0.02),),
    scale=4,
    least_side=32,
)
"""


def install(site: Path, package: str, source: str, *, recorded: bool = True) -> None:
    """Write a distribution `<package>-plugin` whose entry point is its module's PROFILE."""
    home = site / package
    (home / "recorded").mkdir(parents=True)
    (home / "__init__.py").write_text(source, encoding="utf-8")
    if recorded:
        document = skeleton(
            "acme", "2026-10", "https://api.acme.example", [Route("post", "/upscale")], "body"
        )
        (home / "recorded" / "2026-10.openapi.json").write_text(json.dumps(document), encoding="utf-8")
    info = site / f"{package}_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}-plugin\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[fauxscale.profiles]\n{package} = {package}:PROFILE\n", encoding="utf-8"
    )


def python(site: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process that has these packages installed."""
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path, **env},
        cwd=site,
    )


def contracts(site: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `fauxscale-contracts` in such a process."""
    return python(site, "-m", "fauxscale_contracts", *words, **env)
