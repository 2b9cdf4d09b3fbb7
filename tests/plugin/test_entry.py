"""The entry point loads the plugin from pytest 8.0 on, and says why not with an older one."""

from __future__ import annotations

import pytest

from pytest_fauxscale import entry


@pytest.mark.parametrize("version", ["8.0", "8.0.0", "8.0.0rc1", "8.4.2", "9.0.0.dev1", "10.1"])
def test_the_plugin_is_loaded_from_8_0_on(version: str) -> None:
    assert entry.stays_out(version) == ""


@pytest.mark.parametrize("version", ["7.4.4", "7.0", "6.2.5"])
def test_an_older_pytest_is_named_in_one_line(version: str) -> None:
    why = f"fauxscale: the pytest plugin is not loaded: it needs pytest 8.0 or newer, and this is {version}"
    assert entry.stays_out(version) == why


def test_the_line_is_written_by_the_run_and_by_none_of_its_workers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    entry.pytest_addoption()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(entry, "_REASON", "why")
    entry.pytest_addoption()
    assert capsys.readouterr().err == "why\n"
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    entry.pytest_addoption()
    assert capsys.readouterr().err == ""
