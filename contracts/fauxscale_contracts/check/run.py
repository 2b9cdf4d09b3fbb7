"""Checks any server against a contract, by running Schemathesis with a document made to fit that server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import SplitResult, urlsplit

import click
import httpx

from fauxscale import redact
from fauxscale_contracts.console.exit_codes import finish
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.operations import METHODS, Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.probing import Unreachable, ask, summary
from fauxscale_contracts.profiles.profile import Profile

from .reports import Reports, har_at, junit_at

# What a reply alone decides. The rest asks whether data that fit the schema are taken and others refused,
# which no schema of pictures and links to pictures can tell: `strict` asks it all the same.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "missing_required_header",
    "unsupported_method",
)
_PATIENCE = 30.0  # seconds for each of the calls that try the key
_FAREWELL = 5.0  # seconds for Schemathesis to end in when it is told to
_KEY = "FAUXSCALE_CHECK_KEY"


class NotRun(Exception):
    """Raised where the check could not be made; says why."""


def check_server(
    profile: Profile,
    contract: Contract,
    base_url: str,
    key: str,
    reports: Reports,
    *,
    examples: int = 30,
    strict: bool = False,
) -> bool:
    """Check whether the server at `base_url`, the base URL of its clients, keeps the contract; reports to stdout.

    A server that refuses every key keeps every promise of its refusals, so some call with the key must have succeeded.
    Raises NotRun, and NotWritten where a report has no place.
    """
    try:
        httpx.get(base_url, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotRun(f"{base_url} cannot be reached: {error or type(error).__name__}") from None
    why = finish(refusal(profile, base_url, key))
    with TemporaryDirectory(prefix="fauxscale-check-") as folder:
        home = Path(folder).resolve()
        document, url = fitted(profile, contract, base_url)
        (home / "contract.json").write_text(json.dumps(document), encoding="utf-8")
        (home / "config.toml").write_text(_config(contract, key), encoding="utf-8")
        options = ["--config-file", "config.toml", "run", "contract.json", "--url", url]
        options += ["--max-examples", str(examples), "--phases", "examples,coverage,fuzzing"]
        options += ["--generation-deterministic", "--no-color", "--warnings", "off"]
        options += [] if strict else ["--checks", ",".join(CHECKS)]
        options += ["--report", "har", "--report-har-path", str(har_at(home))]
        if reports.junit is not None:
            options += ["--report", "junit", "--report-junit-path", str(junit_at(home))]
        mask = redact.Mask([key])
        code = _schemathesis(options, home, key, lambda line: _echo(reports.line(line, home), mask))
        if code not in (0, 1):
            raise NotRun(f"Schemathesis ended with {code}")
        reports.place(home, mask)
        if code == 0 and why and not let_in(contract, har_at(home)):
            raise NotRun(f"no call with the key succeeded, so that only refusals were seen: {why}")
    return code == 0


def _schemathesis(options: Iterable[str], home: Path, key: str, tell: Callable[[str], None]) -> int:
    """Run Schemathesis and return its exit status; `tell` hears each line. It never outlives this: its calls cost."""
    encoding = sys.stdout.encoding or "utf-8"
    with subprocess.Popen(
        [sys.executable, "-m", "schemathesis.cli", *options],
        cwd=home,
        # The key travels in the environment: the command line can be read by every user of the machine, and a
        # file would stay behind should this be killed.
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "fauxscale_contracts.check.hooks",
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": encoding,
            _KEY: key,
        },
        stdout=subprocess.PIPE,
        text=True,
        encoding=encoding,
        errors="replace",
    ) as process:
        try:
            assert process.stdout is not None  # it is a pipe
            for line in process.stdout:
                tell(line.rstrip("\n"))
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_FAREWELL)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _echo(line: str | None, mask: redact.Mask) -> None:
    if line is not None:
        click.echo(mask.text(line))


async def refusal(profile: Profile, base_url: str, key: str) -> str:
    """Try the key with a few good calls, the free ones first; "" if one succeeded, else what became of the last.

    Raises NotRun where the key is refused.
    """
    good = [one for one in profile.probes if one.valid_key and (one.cost or one.free)]
    answered = ""
    async with httpx.AsyncClient(timeout=_PATIENCE) as http:
        for probe in sorted(good, key=lambda one: one.cost):
            try:
                exchange = await ask(profile, probe, base_url, key, http, timeout=_PATIENCE)
            except Unreachable as error:
                raise NotRun(redact.text(str(error), [key])) from None
            status = exchange.reply.status if exchange.reply else 0
            if 200 <= status < 300:
                return ""
            answered = redact.text(summary(exchange), [key])
            if status in (401, 403):
                raise NotRun(f"the key was refused: {answered}")
    return answered


def let_in(contract: Contract, har: Path) -> bool:
    """Tell whether a call that asks for a key succeeded: some hosts do not know those that `refusal` makes.

    Raises NotRun where nothing was written of the calls.
    """
    try:
        entries = json.loads(har.read_text(encoding="utf-8"))["log"]["entries"]
    except (OSError, ValueError, LookupError):
        raise NotRun("Schemathesis left no record of its calls") from None
    for entry in entries:
        operation = contract.find(entry["request"]["method"], entry["request"]["url"])
        if operation and operation.credentials() and 200 <= entry["response"]["status"] < 300:
            return True
    return False


def is_real(contract: Contract, base_url: str) -> bool:
    """Whether this is the service itself, where each call may cost."""
    host = urlsplit(base_url).hostname
    return any(host == urlsplit(url).hostname for one in contract.operations.values() for url in one.servers)


def fitted(profile: Profile, contract: Contract, base_url: str) -> tuple[Json, str]:
    """Fit the contract's document to a server whose clients point to `base_url`; also the URL its paths begin at.

    At the service itself: the operations of that host. Elsewhere: all, below what `base_url` and the paths
    do not share (`…/aigateway/v1` and `/v1/models`). Links to results are left out: their ids are not known.
    """
    split = urlsplit(base_url.rstrip("/"))
    real = is_real(contract, base_url)
    chosen = [one for one in contract.operations.values() if one.name != profile.download]
    if real:
        chosen = [
            one for one in chosen if any(urlsplit(url).hostname == split.hostname for url in one.servers)
        ]
    paths: Json = {}
    for one in chosen:
        _add_operation(paths, contract.document["paths"][one.path], one, one.real_path if real else one.path)
    url = f"{split.scheme}://{split.netloc}{_above(split, list(paths))}"
    return {**contract.document, "servers": [{"url": url}], "paths": paths}, url


def _add_operation(paths: Json, item: Json, operation: Operation, path: str) -> None:
    shared = {name: value for name, value in item.items() if name not in (*METHODS, "servers")}
    method = operation.method.lower()
    spec = {name: value for name, value in item[method].items() if name != "servers"}
    spec["responses"] = {status: _without_events(answer) for status, answer in spec["responses"].items()}
    if "content" in spec.get("requestBody", {}):
        spec["requestBody"] = {**spec["requestBody"], "content": plain_forms(spec["requestBody"]["content"])}
    paths.setdefault(path, shared)[method] = spec


def plain_forms(contents: Json) -> Json:
    """Return the media types of a request without what says which parts of a form go together.

    Schemathesis 4.32 cannot judge that of bytes: it stops with "Unsupported type: 'Binary'".
    """
    made: Json = {}
    for media_type, content in contents.items():
        schema: Json = content.get("schema", {})
        if media_type == "multipart/form-data":
            schema = {name: one for name, one in schema.items() if name not in ("not", "dependentRequired")}
        made[media_type] = {**content, "schema": schema} if schema else content
    return made


def _without_events(answer: Json) -> Json:
    """Return an answer without the schema of an event stream: OpenAPI 3.1 cannot describe one event."""
    if "text/event-stream" not in answer.get("content", {}):
        return answer
    return {**answer, "content": {**answer["content"], "text/event-stream": {}}}


def _above(split: SplitResult, paths: list[str]) -> str:
    """Strip from the path of a base URL the end that the contract's paths begin with."""
    segments = split.path.split("/")[1:]
    for start in range(len(segments)):
        shared = "/" + "/".join(segments[start:])
        if any(path.startswith(f"{shared}/") for path in paths):
            return "".join(f"/{one}" for one in segments[:start])
    return split.path


def _config(contract: Contract, key: str) -> str:
    """Write Schemathesis' configuration: the header that carries the key, which it reads from the environment."""
    ways = [way for one in contract.operations.values() for way in one.credentials() if way]
    if not ways:
        return ""
    scheme = ways[0][0]
    name = str(scheme["name"]) if scheme["type"] == "apiKey" else "Authorization"
    prefix = str(scheme.get("x-prefix", "")) if scheme["type"] == "apiKey" else f"{scheme['scheme'].title()} "
    if not (prefix + key).isprintable():
        raise ContractError("the key holds characters that no header can carry")
    # A JSON string of printable characters is a TOML string too.
    return f"[headers]\n{json.dumps(name)} = {json.dumps(f'{prefix}${{{_KEY}}}')}\n"
