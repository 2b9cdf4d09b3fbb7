"""The variables that point clients at a server, and how each shell writes them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from fauxscale.dispatch.provider import Provider
from fauxscale.spelling import choose_from

OPEN_KEY = "fauxscale"
# Python's ssl, httpx and Go · Node · requests · curl. A company's own bundle in one of the last two would win.
_TRUST = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def variables(provider: Provider, url: str, key: str) -> dict[str, str]:
    """The environment that points clients of `provider` at the server at `url`."""
    values = {"base_url": url + provider.base, "url": url, "host": url.partition("://")[2], "key": key}
    named = {**provider.env, **(provider.tls_env if url.startswith("https:") else {})}
    return {name: template.format(**values) for name, template in named.items()}


def environment(
    providers: Sequence[Provider], url: str, key: str, *, ca: Path | None = None, openai: str | None = None
) -> dict[str, str]:
    """The environment that points clients of all `providers` at the server at `url`, with the server's own address.

    `ca` is the certificate they must trust. `openai` names the provider whose base URL and key OpenAI's SDKs use.
    Raises ValueError if there is no such provider.
    """
    found = {"FAUXSCALE_URL": url}
    for provider in providers:
        found |= variables(provider, url, key)
    if openai is not None:
        bases = {provider.name: provider.base for provider in providers}
        if openai not in bases:
            raise ValueError(f"no provider {openai!r}{choose_from(openai, bases)}")
        found |= {"OPENAI_BASE_URL": url + bases[openai], "OPENAI_API_KEY": key}
    return found | ({name: str(ca) for name in _TRUST} if ca else {})


def _sh(values: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def _fish(values: Mapping[str, str]) -> str:
    # Fish knows two escapes between single quotes: \\ and \'.
    quoted = {name: re.sub(r"(['\\])", r"\\\1", value) for name, value in values.items()}
    return "\n".join(f"set -gx {name} '{value}'" for name, value in quoted.items())


def _powershell(values: Mapping[str, str]) -> str:
    # PowerShell treats typographic quotes as single quotes too; doubled, each is a literal one.
    quoted = {name: re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value) for name, value in values.items()}
    return "\n".join(f"$env:{name} = '{value}'" for name, value in quoted.items())


def _dotenv(values: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={_dotenv_value(value)}" for name, value in values.items())


def _dotenv_value(value: str) -> str:
    """Quote a value for a `.env` file. Unquoted if that is safe, since docker's --env-file keeps quotes; else between
    quotes that every reader treats literally; a value that cannot be quoted so is escaped for python-dotenv."""
    if re.fullmatch(r"[\w@%+=:,./-]+", value, re.ASCII):
        return value
    if not re.search(r"['\n]|\\\\|\\$", value):
        return f"'{value}'"
    if not re.search(r'["$`\\\n]', value):
        return f'"{value}"'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, indent=2)


SHELLS: Mapping[str, Callable[[Mapping[str, str]], str]] = MappingProxyType(
    {"sh": _sh, "fish": _fish, "powershell": _powershell, "dotenv": _dotenv, "json": _json}
)
