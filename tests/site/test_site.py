"""The documentation as a site: links lead somewhere, no other host is asked for anything, and the search finds."""

from __future__ import annotations

import fcntl
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from bench.site import ROOT, SETTINGS, make, stage
from tests.browsing import DESK, PHONE, browsing
from tests.tools import needs, not_installed

FOLDER = ROOT / "docs"
PYTHON = ROOT / ".venv-docs" / "bin" / "python"
# What a browser fetches by itself, without a click.
FETCHED = {"link": "href", "script": "src", "img": "src", "source": "srcset", "iframe": "src"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that has Zensical. Of parallel workers one sets it up while the others wait."""
    setup = [str(ROOT / ".ci" / "setup"), "docs"]
    with (tmp_path_factory.getbasetemp().parent / "docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(setup, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        not_installed("Zensical", done.stderr)
    return PYTHON


@pytest.fixture(scope="module")
def site(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    status, told = make(stage(ROOT, build), python)
    assert status == 0, told
    return build / "docs"


@dataclass
class Found(HTMLParser):
    """What a page of HTML has of links, anchors, and text outside code."""

    links: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)
    _in_code: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "srcset") and value:
                self.links.append((tag, value))
            elif name == "id" and value:
                self.ids.add(value)
        self._in_code += tag in ("code", "pre", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._in_code:
            self.text.append(data)


def read(site: Path) -> dict[Path, Found]:
    pages: dict[Path, Found] = {}
    for page in site.rglob("*.html"):
        pages[page] = found = Found()
        found.feed(page.read_text("utf-8"))
    return pages


def listed(items: list[Any]) -> Iterator[str]:
    """The pages of a navigation."""
    for item in items:
        for value in item.values():
            yield from listed(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation_once_and_nothing_else() -> None:
    nav = [*listed(tomllib.loads(SETTINGS.read_text("utf-8"))["project"]["nav"])]
    assert sorted(nav) == sorted(set(nav))
    assert [page for page in nav if not (ROOT / page).is_file()] == []
    assert {f"docs/{page.name}" for page in FOLDER.glob("*.md")} <= {*nav}


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("link", "said"),
    [("nowhere.md", "page does not exist"), ("testing.md#nowhere", "anchor does not exist")],
)
def test_a_link_that_leads_nowhere_fails_the_site(link: str, said: str, python: Path, tmp_path: Path) -> None:
    settings = stage(ROOT, tmp_path)
    page = tmp_path / "docs-source" / "docs" / "gate.md"
    page.write_text(f"{page.read_text('utf-8')}\n[dead]({link})\n", "utf-8")
    status, told = make(settings, python)
    assert status != 0
    assert said in told
    assert "Traceback" not in told


@pytest.mark.e2e
def test_every_link_of_the_site_leads_to_a_file_or_an_anchor_of_it(site: Path) -> None:
    pages = read(site)
    dead: list[str] = []
    for page, found in pages.items():
        for _, link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].ids):
                dead.append(f"{page.relative_to(site)}: {link}")
    assert len(pages) > 30
    assert dead == []


@pytest.mark.e2e
def test_no_page_has_a_browser_ask_another_host(site: Path) -> None:
    asked = [
        link
        for found in read(site).values()
        for tag, link in found.links
        if tag in FETCHED and urlsplit(link).netloc
    ]
    assert asked == []


@pytest.mark.e2e
def test_nothing_of_markdown_is_left(site: Path) -> None:
    left = re.compile(r"```|\|---|\]\(|\*\*|^#+ ", re.MULTILINE)
    found = {str(page.relative_to(site)): left.findall("".join(one.text)) for page, one in read(site).items()}
    assert {page: rest for page, rest in found.items() if rest} == {}


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def hosts(page: Page) -> set[str]:
    """The hosts that the page asks from now on, added as they are asked."""
    asked: set[str] = set()

    def note(request: Request) -> None:
        asked.add(urlsplit(request.url).netloc)

    page.on("request", note)
    return asked


@needs("chromium")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_search_finds_without_a_network(address: str, size: Any) -> None:
    with browsing("about:blank", size=size) as page:
        asked = hosts(page)
        page.goto(address)
        # A button at a desk; on a phone the magnifying glass, which is a label.
        page.locator(".md-search__button:visible, label[for=__search]:visible").first.click()
        page.get_by_role("combobox", name="Search").fill("dependency overrides")
        page.get_by_role("option", name="Dependency overrides").click()
        expect(page).to_have_url(re.compile("/docs/fastapi/.*#dependency-overrides$"))
        expect(page.get_by_role("heading", name="In FastAPI")).to_be_visible()
    assert asked == {urlsplit(address).netloc}


@needs("chromium")
def test_it_is_dark_where_the_reader_wants_that(address: str) -> None:
    shades: list[int] = []
    for dark in (False, True):
        with browsing(address, dark=dark) as page:
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades.append(sum(map(int, re.findall(r"\d+", colour)[:3])))
    light, dark_shade = shades
    assert light > 600
    assert dark_shade < 150


@needs("chromium")
@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/testing/", "/docs/scenarios/", "/docs/control-api/"])
def test_a_page_is_no_wider_than_a_phone(address: str, path: str) -> None:
    with browsing(address + path, size=PHONE) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
