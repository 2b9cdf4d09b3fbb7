"""`make conformance`: the official clients through every scenario; the results go into docs/conformance.md."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.clients.node import JS, installed

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- results -->\n", "<!-- /results -->\n"
PROGRAMS = ROOT / "tests" / "contracts" / "conform" / "clients"
FILES = ("{image}", "{output}")


@dataclass(frozen=True, slots=True)
class Client:
    """An official client, the provider it is run at, and the shortest program around it."""

    name: str
    provider: str
    command: tuple[str, ...]
    options: tuple[str, ...] = ()


def clients() -> tuple[Client, ...]:
    """Those that are installed here, by name and version."""
    packages = json.loads((JS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    python, model = sys.executable, "ideogram-upscale"
    return (
        Client(
            f"openai {version('openai')} (Python)",
            "lumenfall",
            (python, str(PROGRAMS / "openai_program.py"), model, *FILES),
        ),
        Client(
            f"openai {packages['openai']} (JavaScript)",
            "lumenfall",
            ("node", str(JS / "openai-program.mjs"), model, *FILES),
        ),
        Client(
            f"fal-client {version('fal-client')} (Python)",
            "fal",
            (python, str(PROGRAMS / "fal_program.py"), *FILES),
            ("--tls",),
        ),
        Client(
            f"@fal-ai/client {packages['@fal-ai/client']} (JavaScript)",
            "fal",
            ("node", str(JS / "fal-program.mjs"), *FILES),
        ),
    )


def result(client: Client) -> str:
    """A client's run as Markdown; its progress goes to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.md")
        command = [sys.executable, "-m", "fauxscale_contracts", "conform", client.provider, "--jobs", "4"]
        command += [*client.options, "--name", client.name, "--markdown", str(table), "--", *client.command]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{client.name} could not be run")
        return table.read_text(encoding="utf-8")


def main() -> None:
    installed()
    today = datetime.datetime.now(datetime.UTC).date()
    tables = "\n".join(result(client) for client in clients())
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\nMade on {today}.\n\n{tables}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
