"""The suite's own rules."""

from __future__ import annotations

import ast
import asyncio
import shlex
import socket
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests import outbound

TESTS = Path(__file__).parent


def test_no_test_module_is_imported() -> None:
    """What tests share lies in modules that are no tests."""
    modules = sorted(TESTS.rglob("*.py"))
    assert modules
    found = {
        f"{module.relative_to(TESTS)} imports {name}"
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        for name in imported(node)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    }
    assert found == set()


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_whatever_leads_out_of_this_machine_is_refused_and_remembered() -> None:
    """Of a test that does so, the fixture `no_way_out` tells: this one takes its own back."""
    for attempt in (
        lambda: socket.create_connection(("192.0.2.1", 9), timeout=1),
        lambda: socket.getaddrinfo("pictures.test", 80),
        ask_for_the_way,
        lambda: asyncio.run(asyncio.wait_for(asyncio.open_connection("192.0.2.1", 9), 1)),
    ):
        with pytest.raises(outbound.LeadsOut, match="a test would"):
            attempt()
    assert len(outbound.refused) == 4
    outbound.refused.clear()


def ask_for_the_way() -> None:
    """As programs find their own address: nothing is sent, but an address is chosen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("192.0.2.1", 9))


def test_what_stays_on_this_machine_is_let_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            assert outbound.begun[-1] == address
        assert socket.getaddrinfo("localhost", 80)


def test_the_settings_for_pytest_8_are_those_of_pyproject() -> None:
    """`make lowest` runs on a pytest that cannot read `[tool.pytest]`."""
    own = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    ini = ConfigParser()
    ini.read(TESTS.parent / ".ci" / "lowest.ini", "utf-8")
    there = ini["pytest"]
    lists = {name: there[name].strip().splitlines() for name in ("testpaths", "filterwarnings", "markers")}
    strict = ["--strict-markers", "--strict-config"]  # what `strict = true` means, and xfail_strict
    assert own["strict"]
    assert there.getboolean("xfail_strict")
    assert shlex.split(there["addopts"]) == strict + own["addopts"]
    assert lists["testpaths"] == own["testpaths"]
    assert lists["filterwarnings"] == own["filterwarnings"]
    assert lists["markers"] == own["markers"]
    assert set(there) - {"xfail_strict"} == set(own) - {"strict"}
