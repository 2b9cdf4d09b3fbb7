"""Runs of pytest inside a test: a project of one file, with no plugin but ours and those named."""

from __future__ import annotations

import textwrap
from importlib import import_module

import pytest

# Loaded before any run in this process: pytester forgets what a run has loaded, and the next would load it anew and
# meet exceptions of two classes with one name.
import_module("fauxscale.interception.intercept")
import_module("httpcore")
import_module("trustme")

# What every project may use: one upload to Ideogram as a client would send it.
CLIENT = """
import httpx
import pytest

def upscale(url, key, image, http=None):
    # A client of the test's own knows how long it waits; others have the time that a busy machine takes.
    own = {} if http else {"timeout": 60}
    form = {"image_file": ("a.png", image, "image/png"), "image_request": (None, "{}", "application/json")}
    return (http or httpx).post(f"{url}/upscale", headers={"Api-Key": key}, files=form, **own)

@pytest.fixture
def send(sample_image):
    def send(account, image=None):
        return upscale(account.url + "/ideogram", account.api_key("ideogram"), image or sample_image())
    return send
"""


class Runs:
    """Writes projects and runs them."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        # Where these are set pytest cuts no line of its summary short, and says everything twice.
        for name in ("CI", "BUILD_NUMBER"):
            monkeypatch.delenv(name, raising=False)

    def write(self, source: str, name: str = "test_it") -> None:
        self.pytester.makepyfile(**{name: CLIENT + textwrap.dedent(source)})

    def ini(self, *lines: str) -> None:
        self.pytester.makeini("\n".join(["[pytest]", *lines]))

    def __call__(self, source: str, *args: str) -> pytest.RunResult:
        """Run a project in this process."""
        self.write(source)
        return self.again(*args)

    def again(self, *args: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess("-p", "pytest_fauxscale.plugin", *args)

    def apart(self, *args: str) -> pytest.RunResult:
        """Run what was written in a process of its own."""
        return self.pytester.runpytest_subprocess("-p", "pytest_fauxscale.plugin", *args, timeout=600)
