"""A real browser on a page: Chromium of the machine, driven by Playwright. Tests that use it need("chromium")."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from .tools import path_of

DESK: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# What a page may take on a machine that is busy with other tests, in milliseconds.
PATIENCE = 20_000


@contextmanager
def browsing(url: str, *, size: ViewportSize = DESK, dark: bool = False) -> Generator[Page]:
    """A page that has loaded. Leaving it fails where a script threw, or the browser refused something of the page."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path_of("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        try:
            context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light")
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None
            )
            page.goto(url)
            yield page
        finally:
            browser.close()
    assert not wrong, f"the page failed: {wrong}"
