"""Bare Starlette and rivals under the same load, in turns: JSON, uploads, and the memory that is held afterwards.

Rivals answer a canned reply and look at nothing. They are installed in build/rivals by pip and npm: bench/README.md.
Another fauxscale takes part by its source: `python -m bench.rivals before=/path/to/mockserver`.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bench.load import Load, has_wrk, load
from bench.servers import Request, Server, serving

ROUNDS = 4
SECONDS = 2
FOLDER = Path(__file__).resolve().parent.parent / "build" / "rivals"
PYTHON_PACKAGE = "pytest-httpserver==1.2.0"
NODE_PACKAGES = ("@mockoon/cli@9.9.0", "wiremock@3.13.2", "@copilotkit/aimock@1.43.0")
CANNED = {
    "created": "2026-01-01T00:00:00+00:00",
    "data": [
        {
            "prompt": "A cat",
            "resolution": "1024x1024",
            "is_image_safe": True,
            "seed": 12345,
            "url": "http://127.0.0.1:1/a.png?exp=1&sig=2",
            "style_type": "GENERAL",
        }
    ],
}
JSON, UPLOAD = Request(path="/json"), "/upscale"
_BOUNDARY = "bench-5f0c"
_AIMOCK = {"content-type": "application/json", "authorization": "Bearer bench"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A server that takes part: how it is started and seen to answer, what it is asked for as JSON and as an upload."""

    name: str
    command: Sequence[str]
    probe: Request = JSON
    json: Request = JSON
    upload: str = UPLOAD
    fields: Mapping[str, str] = field(default_factory=lambda: {"image_request": '{"resemblance": 55}'})
    file: str = "image_file"
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Row:
    """One load: what is sent, over how many connections, and the share of bare Starlette's rate that is required and
    the one hoped for. `ahead` are the rivals that must be left behind."""

    name: str
    picture: bytes | None
    connections: int
    required: float
    hoped: float
    ahead: tuple[str, ...] = ()


def picture(side: int, kind: str, noise: float, **options: object) -> bytes:
    """A picture of noise on a gradient, coloured."""
    rough, smooth = Image.effect_noise((side, side), noise), Image.radial_gradient("L").resize((side, side))
    file = io.BytesIO()
    Image.merge("RGB", (rough, smooth, smooth.rotate(90))).save(file, kind, **options)
    return file.getvalue()


def rows() -> tuple[Row, ...]:
    canned = ("WireMock", "aimock", "Mockoon")
    return (
        Row("JSON list of models", None, 4, 0.70, 0.95),
        Row("upload", picture(440, "JPEG", 60, quality=80), 4, 0.65, 0.90, canned),
        Row("upload", picture(790, "PNG", 60), 4, 0.80, 1.00, (*canned, "pytest-httpserver")),
        Row("upload", picture(3860, "JPEG", 90, quality=90), 2, 0.80, 1.10, (*canned, "pytest-httpserver")),
    )


def form(rival: Rival, file: bytes) -> Request:
    """The upload of a picture as this rival wants it."""
    parts = [
        *(_part(name, value.encode()) for name, value in rival.fields.items()),
        _part(rival.file, file, '; filename="a.jpg"\r\nContent-Type: image/jpeg'),
    ]
    headers = {
        "content-type": f"multipart/form-data; boundary={_BOUNDARY}",
        "api-key": "bench",
        "authorization": "Bearer bench",
    }
    body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    return Request(path=rival.upload, method="POST", headers=headers, body=body)


def _part(name: str, data: bytes, more: str = "") -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + data + b"\r\n"


def fauxscale(name: str = "fauxscale", source: str = "") -> Rival:
    """This fauxscale, or the one whose source is in a folder."""
    return Rival(
        name=name,
        command=(sys.executable, "-m", "fauxscale", "serve", "--port", "{port}", "--quiet"),
        probe=Request(path="/__fauxscale/api/health"),
        json=Request(path="/lumenfall/openai/v1/models", headers={"authorization": "Bearer lmnfl_a.b"}),
        env={"PYTHONPATH": source} if source else {},
    )


def installed(folder: Path) -> tuple[list[Rival], list[str]]:
    """The rivals that can take part here, their configuration written to `folder`; and why the others cannot."""
    bare = Rival(name="bare", command=(sys.executable, "-m", "bench.bare", "{port}"))
    found, absent = [bare], list[str]()
    if _installs(
        [sys.executable, "-m", "pip", "install", "--target", str(FOLDER / "python"), PYTHON_PACKAGE], "python"
    ):
        canned = (str(_written(folder / "canned.json", CANNED)),)
        server = (sys.executable, "-m", "bench.canned", "{port}", *canned)
        path = {"PYTHONPATH": str(FOLDER / "python")}
        found.append(Rival(name="pytest-httpserver", command=server, env=path))
    else:
        absent.append("pytest-httpserver (pip cannot install it)")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *NODE_PACKAGES]
    if shutil.which("node") is None or shutil.which("npm") is None or not _installs(npm, "node_modules"):
        return found, [*absent, "Mockoon, WireMock, aimock (Node.js and npm install them)"]
    found += [_mockoon(folder), _aimock(folder)]
    if shutil.which("java") is None:
        return found, [*absent, "WireMock (it runs on Java)"]
    return [*found, _wiremock(folder)], absent


def _installs(command: list[str], made: str) -> bool:
    if not (FOLDER / made).exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    return (FOLDER / made).exists()


def _written(file: Path, value: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def _wiremock(folder: Path) -> Rival:
    for method, path in (("GET", JSON.path), ("POST", UPLOAD)):
        reply = {"status": 200, "jsonBody": CANNED, "headers": {"Content-Type": "application/json"}}
        stub = {"request": {"method": method, "urlPath": path}, "response": reply}
        _written(folder / "wiremock" / "mappings" / f"{method}.json", stub)
    jar = next((FOLDER / "node_modules" / "wiremock").rglob("wiremock-standalone-*.jar"))
    options = ("--bind-address", "127.0.0.1", "--root-dir", str(folder / "wiremock"), "--disable-banner")
    return Rival(name="WireMock", command=("java", "-jar", str(jar), "--port", "{port}", *options))


def _mockoon(folder: Path) -> Rival:
    def route(method: str, path: str) -> dict[str, object]:
        reply = {
            "uuid": f"{method}-reply", "body": json.dumps(CANNED), "latency": 0, "statusCode": 200, "label": "",
            "headers": [{"key": "Content-Type", "value": "application/json"}], "bodyType": "INLINE", "filePath": "",
            "databucketID": "", "sendFileAsBody": False, "rules": [], "rulesOperator": "OR", "crudKey": "id",
            "disableTemplating": False, "fallbackTo404": False, "default": True, "callbacks": [],
        }  # fmt: skip
        return {
            "uuid": method, "type": "http", "documentation": "", "method": method, "endpoint": path.lstrip("/"),
            "responses": [reply], "responseMode": None, "streamingMode": None, "streamingInterval": 0,
        }  # fmt: skip

    routes = [route("get", JSON.path), route("post", UPLOAD)]
    environment = {
        "uuid": "bench", "lastMigration": 33, "name": "bench", "endpointPrefix": "", "latency": 0, "port": 3000,
        "hostname": "127.0.0.1", "folders": [], "routes": routes, "proxyMode": False, "proxyHost": "",
        "rootChildren": [{"type": "route", "uuid": one["uuid"]} for one in routes], "proxyRemovePrefix": False,
        "tlsOptions": {"enabled": False, "type": "CERT", "pfxPath": "", "certPath": "", "keyPath": "", "caPath": "",
                       "passphrase": ""},
        "cors": True, "headers": [], "proxyReqHeaders": [], "proxyResHeaders": [], "data": [], "callbacks": [],
    }  # fmt: skip
    data = _written(folder / "mockoon.json", environment)
    program = str(FOLDER / "node_modules" / ".bin" / "mockoon-cli")
    command = ("node", program, "start", "-X", "-d", str(data), "-p", "{port}", "-l", "127.0.0.1")
    return Rival(name="Mockoon", command=command, env={"HOME": str(folder)})


def _aimock(folder: Path) -> Rival:
    match = {"userMessage": "upscale this cat", "endpoint": "image"}
    _written(
        folder / "aimock" / "fixtures.json",
        {"fixtures": [{"match": match, "response": {"image": {"url": "http://127.0.0.1:1/a.png"}}}]},
    )
    program = str(FOLDER / "node_modules" / ".bin" / "llmock")
    asked = b'{"model": "gpt-image-1", "prompt": "upscale this cat"}'
    request = Request(path="/v1/images/generations", method="POST", headers=_AIMOCK, body=asked)
    return Rival(
        name="aimock",
        command=("node", program, "-p", "{port}", "-f", str(folder / "aimock"), "--log-level", "warn"),
        probe=request,
        json=request,
        upload="/v1/images/edits",
        fields={"prompt": "upscale this cat", "model": "gpt-image-1"},
        file="image",
    )


@contextlib.contextmanager
def _started(rivals: Sequence[Rival]) -> Generator[list[tuple[Rival, Server]]]:
    with contextlib.ExitStack() as running:
        up: list[tuple[Rival, Server]] = []
        for one in rivals:
            try:
                server = running.enter_context(serving(one.name, one.command, one.probe, env=one.env))
            except (RuntimeError, OSError) as why:
                print(f"  absent: {one.name} ({why})")
                continue
            up.append((one, server))
        yield up


def measure(
    up: Sequence[tuple[Rival, Server]], of: Callable[[Rival], Request], connections: int
) -> dict[str, list[Load]]:
    """Load all servers in turns, in an order that goes round; the first turn is not counted."""
    seen: dict[str, list[Load]] = {one.name: [] for one, _ in up}
    for number in range(ROUNDS + 1):
        shift = number % len(up)
        for one, server in (*up[shift:], *up[:shift]):
            found = load(server, of(one), connections=connections, seconds=SECONDS if number else 1)
            if number:
                seen[one.name].append(found)
    return seen


def _tell(row: Row, seen: Mapping[str, list[Load]]) -> None:
    size = "" if row.picture is None else f", {len(row.picture) / 1e6:.2f} MB"
    print(
        f"\n{row.name}{size}, {row.connections} connections: required {row.required:.2f}, hoped for {row.hoped:.2f}"
    )
    print(
        f"  {'':18}{'of bare':>8}{'a second':>10}{'CPU us':>9}{'of bare':>9}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}"
    )
    bare = seen["bare"]
    share = {
        name: statistics.median(one.rate / base.rate for one, base in zip(loads, bare, strict=True))
        for name, loads in seen.items()
    }
    for name, loads in seen.items():
        half, most = (statistics.median(getattr(one, what) for one in loads) for what in ("half", "most"))
        rate, cpu = (statistics.median(getattr(one, what) for one in loads) for what in ("rate", "cpu"))
        times = statistics.median(one.cpu / base.cpu for one, base in zip(loads, bare, strict=True))
        failed = sum(one.failed for one in loads)
        print(
            f"  {name:18}{share[name]:8.2f}{rate:10.0f}{cpu:9.0f}{times:9.2f}{half:9.2f}{most:9.2f}{failed:8}"
        )
    ours = share["fauxscale"]
    reached = "hoped for" if ours >= row.hoped else "required" if ours >= row.required else "MISSED"
    behind = [name for name in row.ahead if share.get(name, 0) > ours]
    print(f"  {reached}" + (f"; BEHIND {', '.join(behind)}" if behind else ""))


def main(others: Mapping[str, str] | None = None) -> None:
    if not has_wrk():
        print("rivals under load: wrk is not installed (Debian: apt-get install wrk)")
        return
    print(
        "requests a second under wrk in turns, bare Starlette (parses the same form, throws it away) = 1.00"
    )
    with tempfile.TemporaryDirectory() as name:
        found, absent = installed(Path(name))
        ours = [fauxscale(), *(fauxscale(one, source) for one, source in (others or {}).items())]
        for one in absent:
            print(f"  absent: {one}")
        with _started([found[0], *ours, *found[1:]]) as up:
            for row in rows():
                sent = row.picture

                def request(one: Rival, sent: bytes | None = sent) -> Request:
                    return one.json if sent is None else form(one, sent)

                _tell(row, measure(up, request, row.connections))
            print("\nMiB held after all this")
            print("  " + ", ".join(f"{one.name} {server.memory():.0f}" for one, server in up))


if __name__ == "__main__":
    named = (one.partition("=") for one in sys.argv[1:])
    main({name: source for name, _, source in named})
