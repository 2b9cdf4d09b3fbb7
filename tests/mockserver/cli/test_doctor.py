"""The doctor is right about each provider, in few lines, and gives no secret away."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest
from click.testing import CliRunner

from fauxscale.cli import main
from fauxscale.cli.doctor import findings
from tests.redis_server import RedisServer
from tests.tools import needs

Lines: TypeAlias = Callable[..., list[str]]
Marks = list[tuple[str, str]]
HERE = "http://127.0.0.1:2160"


def look(**environ: str) -> Marks:
    return list(findings(environ))


def test_a_machine_where_nothing_is_set_gets_four_lines_at_most_and_no_trouble() -> None:
    found = look()
    assert len(found) <= 4
    assert "!" not in [mark for mark, _ in found]
    assert found[0] == (
        "-",
        "no variable is set for ideogram, aigateway, lumenfall, fal: "
        "paste the export lines that `fauxscale serve` prints",
    )


def test_a_port_of_zero_is_not_called_free(tmp_path: Path) -> None:
    settings = tmp_path / "fauxscale.toml"
    settings.write_text("port = 0\n", encoding="utf-8")
    said = CliRunner().invoke(main, ["doctor", "--config", str(settings)]).output
    assert "+ the port is 0: `fauxscale serve` takes a free one at each start" in said.splitlines()
    assert "is free" not in said


@pytest.mark.parametrize(
    ("installed", "said"),
    [(("pycurl",), "pycurl connects without"), (("primp", "curl_cffi"), "curl_cffi, primp connect without")],
)
def test_clients_that_are_never_intercepted_are_named(
    installed: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in installed:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    (line,) = [text for _, text in look() if "socket module" in text]
    assert line.startswith(said)


def test_a_provider_that_leads_here_is_one_line_whatever_its_key() -> None:
    found = look(IDEOGRAM_BASE_URL=f"{HERE}/ideogram", IDEOGRAM_API_KEY="a-very-secret-key-indeed")
    assert [line for line in found if "ideogram" in line[1].lower()] == [
        ("+", "ideogram: IDEOGRAM_BASE_URL points to this machine")
    ]
    assert found[1][1].startswith("no variable is set for aigateway, lumenfall, fal:")


@pytest.mark.parametrize(
    "address",
    [
        "https://api.ideogram.ai",
        "http://203.0.113.9",
        "http://203.0.113.9:2160/ideogram",
        "api.ideogram.ai/upscale",
        "http://user:secret@api.ideogram.ai",
        "http://[2001:db8::1]/x",
        "http://secret@[broken",
    ],
)
def test_an_address_of_another_machine_is_trouble(address: str) -> None:
    (line,) = [text for mark, text in look(IDEOGRAM_BASE_URL=address) if mark == "!"]
    assert line.startswith("IDEOGRAM_BASE_URL points to ")
    assert "secret" not in line


@pytest.mark.parametrize(
    "address",
    [HERE, "http://localhost:2160/ideogram", "http://[::1]:2160", "http://up.localhost", "127.1.2.3:80/x"],
)
def test_an_address_of_this_machine_is_none(address: str) -> None:
    assert "!" not in [mark for mark, _ in look(IDEOGRAM_BASE_URL=address)]


@pytest.mark.parametrize("name", ["FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST"])
def test_the_variables_of_clients_that_speak_only_https_are_looked_at(name: str) -> None:
    assert f"{name} points to fal.run" in " ".join(
        text for mark, text in look(**{name: "fal.run"}) if mark == "!"
    )
    assert ("+", f"fal: {name} points to this machine") in look(**{name: "127.0.0.1:2160/fal/run"})


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("IDEOGRAM_API_KEY", "IDEOGRAM_BASE_URL"),
        ("FAL_KEY", "FAL_RUN_URL"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ],
)
def test_a_key_without_an_address_may_be_a_real_one_and_is_shown_shortened(key: str, address: str) -> None:
    found = look(**{key: "a-very-secret-key-indeed"})
    (line,) = [text for mark, text in found if mark == "-" and text.startswith(key)]
    assert line.startswith(f"{key} is set (a-ve…) but {address} is not")
    assert "very-secret" not in str(found)
    assert key not in str(look(**{key: "a-very-secret-key-indeed", address: HERE}))


def test_only_extras_that_something_uses_are_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert ("-", "extras not installed: pip install 'fauxscale[pytest,contracts,tls,redis,fast]'") in look()


@contextmanager
def doctor_of(settings: Mapping[str, str], *, durable: bool = False) -> Generator[tuple[RedisServer, Lines]]:
    """A Redis with these settings, and the lines that the doctor has for it."""
    with RedisServer(settings, durable=durable) as server:

        def lines(url: str = server.url) -> list[str]:
            told = CliRunner().invoke(main, ["doctor", "--store", url]).output.splitlines()
            return [
                line
                for line in told
                if not set(line[2:].split()) & {"variable", "extras", "port", "something", "settings"}
            ]

        yield server, lines


@needs("redis-server")
def test_a_redis_that_will_do_is_told_with_its_version_speed_memory_and_disk() -> None:
    with doctor_of({"maxmemory": "256mb", "maxmemory-policy": "noeviction"}, durable=True) as (server, lines):
        version, writes, memory, disk = lines()
        assert re.fullmatch(
            rf"[+-] Redis at 127.0.0.1:{server.port} is version [\d.]+ and answers in [\d.]+ ms", version
        )
        assert writes == "+ it accepts writes"
        assert re.fullmatch(r"\+ \d+ MiB used of 256, maxmemory-policy noeviction", memory)
        assert disk == "+ appendfsync is always: what was acknowledged is on its disk"


@needs("redis-server")
def test_what_a_redis_may_lose_is_worth_knowing() -> None:
    with doctor_of({}) as (_, lines):
        assert [line[:40] for line in lines()[2:]] == [
            "- its memory has no limit (1 MiB used): ",
            "- it keeps no append-only file: if it cr",
        ]
    settings = {"maxmemory": "64mb", "maxmemory-policy": "volatile-lru", "appendonly": "yes"}
    with doctor_of(settings | {"appendfsync": "everysec"}) as (_, lines):
        memory, disk = lines()[2:]
        assert memory.startswith("- ")
        assert "noeviction keeps them" in memory
        assert disk.startswith("- appendfsync is everysec")


@needs("redis-server")
def test_a_redis_that_will_not_do_is_trouble_and_its_password_is_not_told() -> None:
    with doctor_of({"requirepass": "hunter2"}) as (server, lines):
        wrong = server.url.replace("redis://", "redis://:hunter3@")
        told = CliRunner().invoke(main, ["doctor", "--store", wrong])
        assert told.exit_code == 1
        assert f"! Redis at 127.0.0.1:{server.port} rejects the user name or password" in told.output
        assert "hunter" not in told.output
        assert "requires a password" in lines()[0]
        assert lines(server.url.replace("redis://", "redis://:hunter2@"))[1] == "+ it accepts writes"
    assert lines()[0] == f"! Redis at 127.0.0.1:{server.port} cannot be reached"


def test_what_is_no_address_of_a_store_is_trouble() -> None:
    told = CliRunner().invoke(main, ["doctor"], env={"FAUXSCALE_STORE": "localhost"})
    assert told.exit_code == 1
    assert "! the store's address must be like redis://127.0.0.1:6379/0" in told.output
