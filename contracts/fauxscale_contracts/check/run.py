"""Checks any server against a contract, by running Schemathesis with a document fitted to that server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import httpx

from fauxscale import redact
from fauxscale.errors import FauxscaleError
from fauxscale.extras import MissingExtra
from fauxscale_contracts.console.exit_codes import finish
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.outcomes import Outcome, Service, Trials, look, rate_limit
from fauxscale_contracts.profiles.probing import Unreachable, ask, run, summary
from fauxscale_contracts.profiles.profile import Profile

from .fitting import fitted
from .reports import Reports, add_outcomes, har_at, junit_at, lines

# Checks that a reply alone decides. The others ask whether the server accepts data that fit the schema and refuses
# other data, which no schema of pictures and links can decide: `strict` runs them anyway.
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
_PATIENCE = 30.0  # time-out in seconds of each call that tries the key
_FAREWELL = 5.0  # seconds for Schemathesis to end after it was asked to
_KEY = "FAUXSCALE_CHECK_KEY"


class NotRun(FauxscaleError):
    """Raised if the check could not be made, with the reason."""


def check_server(
    profile: Profile,
    contract: Contract,
    base_url: str,
    key: str,
    reports: Reports,
    *,
    operations: Sequence[str] = (),
    examples: int = 30,
    strict: bool = False,
    trials: Trials,
) -> bool:
    """Check whether the server at `base_url`, the base URL of its clients, meets the contract; reports to stdout.

    Only these `operations`, if any are named. A server that refuses every key passes all checks of its refusals, so
    some call with the key must have succeeded. Raises NotRun, NotWritten if a report cannot be written, and
    MissingExtra.
    """
    for library in ("schemathesis", "hypothesis"):
        if find_spec(library) is None:
            raise MissingExtra("fauxscale-contracts check", library)
    try:
        httpx.get(base_url, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotRun(f"{base_url} cannot be reached: {error or type(error).__name__}") from None
    tried = finish(try_key(profile, base_url, key))
    examination = _Examination(profile, contract, base_url, key, trials)
    # Before the hundreds of requests: after those, many servers refuse calls for a minute.
    outcomes = finish(examination.outcomes(tried))
    with TemporaryDirectory(prefix="fauxscale-check-") as folder:
        home = Path(folder).resolve()
        document, url = fitted(profile, contract, base_url, operations)
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
        # Python also ends with 1 if a library that Schemathesis imports is missing.
        if code not in (0, 1) or not har_at(home).exists():
            raise NotRun(f"Schemathesis ended with {code}")
        if code == 0 and not any(map(_is_success, tried.values())) and not let_in(contract, har_at(home)):
            reports.place(home, mask)
            last = redact.text(summary([*tried.values()][-1]), [key])
            raise NotRun(f"no call with this key succeeded, so only errors were checked: {last}")
        outcomes.append(finish(examination.rate_limit()))
        for line in lines(outcomes):
            _echo(line, mask)
        if reports.junit is not None:
            add_outcomes(junit_at(home), outcomes)
        reports.place(home, mask)
    return code == 0 and all(one.verdict != "FAIL" for one in outcomes)


@dataclass(frozen=True, slots=True)
class _Examination:
    """Checks what no schema can express; says why if there is nothing to check."""

    profile: Profile
    contract: Contract
    base_url: str
    key: str
    trials: Trials

    async def outcomes(self, sent: Mapping[str, Exchange]) -> list[Outcome]:
        found: list[Outcome] = []
        try:
            async with self._service() as service:
                about = self.profile, self.base_url, self.key, service.http
                probed = await run(*about, timeout=_PATIENCE, sent=sent)
                async for outcome in look(service, probed, self.trials):
                    found.append(outcome)
        except Unreachable as error:
            found.append(Outcome("the probes", "untried", str(error)))
        return found

    async def rate_limit(self) -> Outcome:
        try:
            async with self._service() as service:
                return await rate_limit(service, self.trials.rate_limit)
        except Unreachable as error:
            return Outcome("rate limit", "untried", str(error))

    @asynccontextmanager
    async def _service(self) -> AsyncGenerator[Service]:
        async with httpx.AsyncClient(timeout=_PATIENCE) as http:
            yield Service(self.profile, self.contract, self.base_url, self.key, http, _PATIENCE)


def _schemathesis(options: Iterable[str], home: Path, key: str, tell: Callable[[str], None]) -> int:
    """Run Schemathesis and return its exit status; `tell` gets each line. It never outlives this function: its calls
    cost money."""
    encoding = sys.stdout.encoding or "utf-8"
    with subprocess.Popen(
        [sys.executable, "-m", "schemathesis.cli", *options],
        cwd=home,
        # The key is passed in the environment: every user of the machine can read the command line, and a file would
        # stay if this were killed.
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


async def try_key(profile: Profile, base_url: str, key: str) -> dict[str, Exchange]:
    """Try the key with the good probes, the free ones first, until one succeeds; returns the exchanges by the probe's
    id.

    Raises NotRun if the key is refused.
    """
    good = [one for one in profile.probes if one.valid_key and (one.cost or one.free)]
    tried: dict[str, Exchange] = {}
    async with httpx.AsyncClient(timeout=_PATIENCE) as http:
        for probe in sorted(good, key=lambda one: one.cost):
            try:
                exchange = await ask(profile, probe, base_url, key, http, timeout=_PATIENCE)
            except Unreachable as error:
                raise NotRun(redact.text(str(error), [key])) from None
            tried[probe.id] = exchange
            if _is_success(exchange):
                break
            if exchange.reply is not None and exchange.reply.status in (401, 403):
                raise NotRun(f"the key was refused: {redact.text(summary(exchange), [key])}")
    return tried


def _is_success(exchange: Exchange) -> bool:
    return exchange.reply is not None and 200 <= exchange.reply.status < 300


def let_in(contract: Contract, har: Path) -> bool:
    """Check whether a call that needs a key succeeded: some hosts do not have those that `try_key` makes.

    Raises NotRun if there is no record of the calls.
    """
    try:
        entries = json.loads(har.read_text(encoding="utf-8"))["log"]["entries"]
    except (OSError, ValueError, LookupError):
        raise NotRun("Schemathesis wrote no record of its calls") from None
    for entry in entries:
        operation = contract.find(entry["request"]["method"], entry["request"]["url"])
        if operation and operation.credentials() and 200 <= entry["response"]["status"] < 300:
            return True
    return False


def _config(contract: Contract, key: str) -> str:
    """Write Schemathesis' configuration: the header for the key, which it reads from the environment."""
    ways = [way for one in contract.operations.values() for way in one.credentials() if way]
    if not ways:
        return ""
    scheme = ways[0][0]
    name = str(scheme["name"]) if scheme["type"] == "apiKey" else "Authorization"
    prefix = str(scheme.get("x-prefix", "")) if scheme["type"] == "apiKey" else f"{scheme['scheme'].title()} "
    if not (prefix + key).isprintable():
        raise ContractError("the key contains characters that are not allowed in a header")
    # A JSON string of printable characters is a TOML string too.
    return f"[headers]\n{json.dumps(name)} = {json.dumps(f'{prefix}${{{_KEY}}}')}\n"
