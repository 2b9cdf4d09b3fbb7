"""Draws the good requests that torture changes: of the recorded contracts and of the control API's description.

Hypothesis draws what the contracts allow, Schemathesis what the descriptions allow and what they do not. Drawing takes
up to a minute and hundreds of modules: a process of its own does it, and the result is kept by seed and versions.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fauxscale import create_app
from fauxscale_contracts.contract import multipart

from .asked import Answer, Ask, Client
from .own_stories import OWN
from .results import KEPT, ROOT
from .stories import (
    CHAINS,
    CONTROLLED,
    KEY,
    PARTS_NAMED,
    SIGNED,
    TOKENS,
    UPLOAD,
    Story,
    filled,
    members,
    told,
)

_HERE = Path(__file__)
_CONTROL = ROOT / "mockserver/fauxscale/control/control.openapi.json"
_EACH = 25
_MODELS = {"aigateway": "ideogram/ideogram-upscale", "lumenfall": "ideogram-upscale"}
# Framing, which is the client's, and what tells cases of Schemathesis apart.
_UNSENT = (
    b"content-length",
    b"transfer-encoding",
    b"connection",
    b"x-schemathesis-testcaseid",
    b"accept-encoding",
)


def pool(seed: int, folder: Path = KEPT) -> tuple[Story, ...]:
    """The stories of a seed, drawn now unless they were before."""
    file = folder / f"pool-{seed}-{_versions()}.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.torture.pool", str(seed), str(file)]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"})
    return tuple(Story.read(json.dumps(one)) for one in json.loads(file.read_bytes()))


def _versions() -> str:
    """Tell one pool from another: what draws it, and what it is drawn of."""
    sources = [_HERE, _HERE.with_name("stories.py"), _HERE.with_name("own_stories.py"), _CONTROL]
    sources += sorted((ROOT / "contracts/fauxscale_contracts/recorded").rglob("*.json"))
    told = [version("hypothesis"), version("schemathesis"), *(file.read_text("utf-8") for file in sources)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _drawn(seed: int) -> Iterator[Story]:
    yield from OWN
    yield from _of_contracts(seed)
    yield from _of_control(seed)
    yield from _of_descriptions(seed)


def _draws(strategy: Any, seed: int, count: int = _EACH) -> list[Any]:
    """So many values of a strategy, fewer where it has no more."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    found: list[Any] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]  # as its docs have it
    )
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


def _of_contracts(seed: int) -> Iterator[Story]:
    """What each recorded contract allows, drawn by its own strategies."""
    from fauxscale_contracts import api_versions, load, requests

    for provider, dates in api_versions().items():
        base = f"http://localhost/{provider}"
        for date in dates:
            for name in load(provider, api_version=date).operations:
                strategy = requests(name, api_version=date, base_url=base, api_key=KEY)
                for number, one in enumerate(_draws(strategy, seed)):
                    ask = _ask(one.method, one.url, one.headers, one.body)
                    yield _story(name, _known_model(ask, _MODELS.get(provider, "")) if number % 4 else ask)


def _known_model(ask: Ask, model: str) -> Ask:
    """The request with the one model that there is instead of any other."""
    kind = ask.header(b"content-type").decode()
    if kind.startswith("multipart/"):
        parts = multipart.split(kind, ask.body)
        for part in parts:
            if part.name == "model":
                part.data = model.encode()
        return replace(ask, body=multipart.join(parts)[1])
    if b'"model"' in ask.body and kind == "application/json":
        return replace(ask, body=json.dumps(json.loads(ask.body) | {"model": model}).encode())
    return ask


def _of_descriptions(seed: int) -> Iterator[Story]:
    """What Schemathesis makes of the contracts, breaches included."""
    import schemathesis

    from fauxscale_contracts import images
    from fauxscale_contracts.profiles.installed import profile
    from tests.contracts.asking import document

    schemathesis.openapi.format("binary", images(largest=4))
    for provider in ("ideogram", "aigateway", "lumenfall", "fal"):
        header, prefix = profile(provider).key_header
        key = (header.lower().encode(), f"{prefix}{KEY}".encode())
        for operation, case in _cases(document(provider), seed):
            ask = _prepared(case, f"http://localhost/{provider}")
            name = str(operation.definition.raw.get("operationId", provider))
            yield _story(name, ask.having(*key))


def _of_control(seed: int) -> Iterator[Story]:
    """What Schemathesis makes of the control API's description, about an account that is there."""
    described = json.loads(_CONTROL.read_bytes())
    base = "http://localhost/__fauxscale/api"
    described["servers"] = [{"url": base}]
    for number, (operation, case) in enumerate(_cases(described, seed)):
        path = str(operation.path)
        # What opens the account, and what the path names; an upload where it asks about work.
        worked = any(word in path for word in ("calls", "links", "ledger", "reset", "export"))
        named = [CONTROLLED[mark][0] for mark in CONTROLLED if mark in path]
        before = ((UPLOAD,) if worked else named[-1]) if named else ()
        ask = _prepared(case, base)
        if number % 8:
            for mark, (_, value) in CONTROLLED.items():
                path = path.replace(mark, value)
            _, _, query = ask.target.partition(b"?")
            target = f"/__fauxscale/api{path}".encode() + (b"?" + query if query else b"")
            ask = replace(ask, target=target)
        yield Story(f"control {operation.method.upper()} {operation.path}", (*before, ask))


def _cases(described: dict[str, Any], seed: int) -> Iterator[tuple[Any, Any]]:
    """Each operation of a description with the cases drawn for it, two of three allowed."""
    import schemathesis
    from schemathesis.generation import GenerationMode

    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # raises for what cannot be read
        ways = ((GenerationMode.POSITIVE, 16), (GenerationMode.NEGATIVE, 8))
        for mode, count in ways:
            try:
                cases = _draws(operation.as_strategy(generation_mode=mode), seed, count)
            except Exception as error:
                if "Unsatisfiable" not in type(error).__name__:
                    raise
                continue  # nothing about a request without parameters can be wrong
            for case in cases:
                yield operation, case


def _prepared(case: Any, base: str) -> Ask:
    """The request that Schemathesis would send."""
    import requests

    arguments = case.as_transport_kwargs(base_url=base)
    made = requests.Request(**arguments).prepare()
    url = made.url or "/"
    body = made.body if isinstance(made.body, bytes) else (made.body or "").encode()
    headers: Any = made.headers.items()  # bytes where Schemathesis gave bytes
    told = tuple(
        (name, value if isinstance(value, str) else value.decode("latin-1")) for name, value in headers
    )
    return _ask(str(made.method), url, told, body)


def _ask(method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Ask:
    target = url.partition("://")[2].partition("/")[2] if "://" in url else url.lstrip("/")
    told = tuple((name.lower().encode("latin-1"), value.encode("utf-8")) for name, value in headers)
    kept = tuple(one for one in told if one[0] not in _UNSENT)
    return Ask(method, f"/{target}".encode(), ((b"host", b"localhost"), *kept), body)


def _story(name: str, ask: Ask) -> Story:
    """The request with what has to come before it, so that it asks about something that there is."""
    if name in TOKENS:
        ask = ask.having(b"authorization", b"Bearer <<token>>")
    elif name in SIGNED:
        ask = replace(ask, headers=tuple(one for one in ask.headers if one[0] != b"authorization"))
    if name == "fal.complete_multipart" and len(ask.body) % 2:
        ask = replace(ask, body=PARTS_NAMED)
    before, target = CHAINS.get(name, ((), ""))
    if target:
        _, mark, query = ask.target.partition(b"?")
        ask = replace(ask, target=target.encode() + (b"" if target.endswith(">>") else mark + query))
    return Story(name, (*before, ask))


async def _tried(stories: Iterable[Story]) -> list[Story]:
    """Stories about providers with the status that each has on a server of its own."""
    tried: list[Story] = []
    for story in stories:
        app, known, answer = create_app(), dict[str, str](), Answer()
        client = Client(app)
        for ask in story.asks:
            answer = await client.ask(filled(ask, known))
            known.update(members(told(answer.body)))
        await app.accounts.close()
        # What others did before may change what is controlled, and is answered with what the inspector shows.
        steady = not any(b"__fauxscale" in ask.target or b"hook" in ask.target for ask in story.asks)
        tried.append(replace(story, expects=answer.status if steady and not answer.ended else None))
    return tried


def _main(seed: str, file: str) -> None:
    stories = [json.loads(story.write()) for story in asyncio.run(_tried(_drawn(int(seed))))]
    half = Path(file).with_suffix(".part")
    half.write_text(json.dumps(stories), encoding="utf-8")
    half.replace(file)


if __name__ == "__main__":
    _main(*sys.argv[1:])
