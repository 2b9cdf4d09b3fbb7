"""`make explored`: published clients explored by a happy path each; the results go into docs/explored-clients.md.

Reports are kept in build/explored, so that a client that is named is explored alone: `make explored ARGS=litellm`.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.node import JS, installed
from tests.torture.results import machine

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explored-clients.md"
BEGIN, END = "<!-- results -->\n", "<!-- /results -->\n"
REPORTS = ROOT / "build" / "explored"
PYTHON = ROOT / "bench" / "explored_clients"
PUBLISHED = ROOT / "tests" / "clients" / "published"
VENV = ROOT / ".venv-explored"
TOLD = {"wrong": "the client is wrong", "look": "look at this"}


@dataclass(frozen=True, slots=True)
class Client:
    """A published client. `package` is its name at its registry, `beside` one that it is used with, `program` the test
    around it: a file for pytest, or for Node.js in the folder of its packages."""

    package: str
    provider: str
    program: Path
    beside: str = ""

    @property
    def name(self) -> str:
        """Its name on the command line and of its report."""
        return self.package.rpartition("/")[2]

    @property
    def is_python(self) -> bool:
        return self.program.suffix == ".py"

    @property
    def versions(self) -> str:
        """What is explored, with the versions that the lock beside it installs."""
        known = _pinned() if self.is_python else _dependencies(self.program.parent)
        return " with ".join(f"{one} {known[one]}" for one in (self.package, self.beside) if one)


CLIENTS = (
    Client("@aigne/ideogram", "ideogram", PUBLISHED / "explored.mjs"),
    Client("@ai-sdk/fal", "fal", JS / "explored-ai-sdk-fal.mjs", beside="ai"),
    Client(
        "@ai-sdk/openai-compatible", "lumenfall", JS / "explored-ai-sdk-openai-compatible.mjs", beside="ai"
    ),
    Client("img-cli", "lumenfall", PYTHON / "test_img_cli.py"),
    Client("litellm", "lumenfall", PYTHON / "test_litellm.py"),
    Client("multi-model-image-gen", "fal", PYTHON / "test_multi_model_image_gen.py"),
)


def _pinned() -> dict[str, str]:
    lines = (PYTHON / "requirements.in").read_text(encoding="utf-8").split()
    return {name: version for name, _, version in (one.partition("==") for one in lines)}


def _dependencies(folder: Path) -> dict[str, str]:
    packages: dict[str, dict[str, str]] = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return packages["dependencies"]


def install() -> Path:
    """Bring the environment of the Python clients to its lock. Returns its Python."""
    python, lock = VENV / "bin" / "python", PYTHON / "requirements.txt"
    stamp = VENV / "installed.txt"
    if not (stamp.exists() and stamp.read_bytes() == lock.read_bytes()):
        uv = str(ROOT / ".venv" / "bin" / "uv")
        into = (uv, "pip", "install", "--quiet", "--python", str(python))
        for command in (
            (uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)),
            (*into, "--require-hashes", "--requirement", str(lock)),
            (*into, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)),
        ):
            subprocess.run(command, check=True)
        stamp.write_bytes(lock.read_bytes())
    return python


def explore(client: Client) -> None:
    """Explore a client, and keep the report; progress goes to stderr."""
    report = REPORTS / f"{client.name}.json"
    if client.is_python:
        words = ["-m", "pytest", client.program.name, "--fauxscale-explore", "--fauxscale-explore-fail=never"]
        command = [str(install()), *words, f"--fauxscale-explore-report={report}"]
        done = subprocess.run(command, cwd=PYTHON, stdout=sys.stderr)
    else:
        folder = installed(client.program.parent)
        words = ["-m", "fauxscale_contracts", "explore", "--jobs", "4", "--fail", "never", "--json"]
        with report.open("wb") as output:
            command = [sys.executable, *words, "--", "node", client.program.name]
            done = subprocess.run(command, cwd=folder, stdout=output)
    if done.returncode:
        report.unlink(missing_ok=True)
        raise SystemExit(f"{client.name} could not be explored")
    found = json.loads(report.read_text(encoding="utf-8"))
    said = {"versions": client.versions, "day": str(datetime.datetime.now(datetime.UTC).date())}
    report.write_text(json.dumps({**said, **found}, indent=1), encoding="utf-8")


def row(client: Client, report: Mapping[str, Any]) -> str:
    """A client's line in the table."""
    counts: Mapping[str, int] = report["summary"]
    rest = sum(counts.values()) - sum(counts[one] for one in (*TOLD, "fine"))
    language = "Python, PyPI" if client.is_python else "JavaScript, npm"
    numbers = (sum(counts.values()), *(counts[one] for one in TOLD), counts["fine"], rest)
    cells = (report["versions"], language, client.provider, *map(str, numbers), report["day"])
    return f"| {' | '.join(cells)} |"


def facts(report: Mapping[str, Any]) -> Iterator[str]:
    """What a client did in which situations, a line for each thing, the worst first."""
    findings: Sequence[Mapping[str, Any]] = report["findings"]
    yield f"**{report['versions']}**"
    yield ""
    places: dict[tuple[str, str], list[str]] = {}
    for level in TOLD:
        for one in findings:
            if one["level"] == level:
                places.setdefault((level, _fact(one)), []).append(f"`{one['situation']}`")
    yield from (f"- {TOLD[level]}: {fact}: {', '.join(where)}" for (level, fact), where in places.items())
    if not places:
        yield "- nothing is wrong, and nothing to look at"
    yield from (f"- {one}" for one in report["notes"])


def _fact(found: Mapping[str, Any]) -> str:
    """What happened. What a client took for a picture is told by the name of the situation."""
    return "; ".join(re.sub(r"^((?:accepted|treated) [^:]+): .*", r"\1", one) for one in found["reasons"])


def page(reports: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """The results of all clients as Markdown. `where`: the machine they were explored on."""
    lines = [
        f"On {where}.",
        "",
        "| client | language | service | situations | the client is wrong | look at this | fine | not met | explored |",
        "|---|---|---|---|---|---|---|---|---|",
        *(row(one, reports[one.name]) for one in CLIENTS),
    ]
    for one in CLIENTS:
        lines += ["", *facts(reports[one.name])]
    return "\n".join(lines)


def main(names: Sequence[str]) -> None:
    if unknown := set(names) - {one.name for one in CLIENTS}:
        raise SystemExit(f"no client {', '.join(sorted(unknown))}: {', '.join(one.name for one in CLIENTS)}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    for one in CLIENTS:
        if not names or one.name in names:
            print(f"exploring {one.versions}", file=sys.stderr)
            explore(one)
    files = {one.name: REPORTS / f"{one.name}.json" for one in CLIENTS}
    if missing := [name for name, file in files.items() if not file.exists()]:
        raise SystemExit(f"not explored yet: {', '.join(missing)}; the page stays as it is")
    reports = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items()}
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    made = page(reports, f"{machine()}, Node.js {node.removeprefix('v')}")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
