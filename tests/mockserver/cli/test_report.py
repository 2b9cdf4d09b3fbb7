"""`fauxscale report` writes what a server's calls were as one page that needs nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import Fail, MockServer, Settings
from fauxscale.cli import main
from fauxscale.control import inspector
from tests.calls.ideogram import upscale
from tests.redis_server import free_port
from tests.stages import Stage

MARKUP = "<img src=x onerror=\"document.title='broken in'\">"


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def written(mock: MockServer, file: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["report", str(file), "--url", mock.url, *arguments])
    assert done.exit_code == 0, done.output
    return file.read_text(encoding="utf-8")


def test_the_page_tells_every_call_and_loads_and_runs_nothing(tmp_path: Path) -> None:
    with MockServer() as mock, httpx.Client() as http:
        stage = Stage("socket", mock, http)
        account = mock.account(label=MARKUP)
        key = account.api_key("ideogram")
        upscale(stage, request={"prompt": MARKUP}, key=key, headers={"X-Said": MARKUP})
        account.faults.add(Fail(429, message=MARKUP), on="ideogram.upscale")
        upscale(stage, key=key)
        http.get(f"{mock.url}/{MARKUP}")
        page = written(mock, tmp_path / "calls.html")
    elements = Elements(page).found
    assert [attributes["id"] for tag, attributes in elements if tag == "details"] == [
        f"{account.id}-1",
        f"{account.id}-2",
        "acct_0-1",
    ]
    assert "3 calls, 2 refused or cut, would have cost $0.06" in page
    assert {
        attributes["src"].partition(",")[0]
        for tag, attributes in elements
        if tag == "img" and attributes["src"]
    } == {"data:image/png;base64"}
    assert not [tag for tag, _ in elements if tag in ("script", "link", "iframe", "object")]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert all(re.match(r"#|data:", str(one.get("href") or one.get("src") or "#")) for _, one in elements)
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert 'on="ideogram.upscale")' in page.replace("&quot;", '"'), "and as a test"


def test_of_too_many_calls_the_newest_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "_MOST_REPORTED", 2)
    with MockServer() as mock, httpx.Client() as http:
        for _ in range(3):
            http.post(f"{mock.url}/upscale", headers={"Api-Key": "somebodys-key"})
        page = written(mock, tmp_path / "calls.html")
    assert "the newest 2 calls" in page
    assert page.count("<details") == 2


def test_a_server_with_a_token_is_asked_with_it(tmp_path: Path) -> None:
    with MockServer(Settings(token="the-token")) as mock:
        refused = CliRunner().invoke(main, ["report", str(tmp_path / "no.html"), "--url", mock.url])
        assert (refused.exit_code, "401" in refused.output) == (2, True)
        assert "fauxscale report" in written(mock, tmp_path / "calls.html", "--token", "the-token")


def test_where_no_server_is_or_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for arguments, said in (
        ([str(tmp_path / "a.html"), "--url", url], f"no server answers at {url}"),
        ([str(tmp_path / "a.html"), "--url", "localhost:2160"], "--url must be an address such as"),
    ):
        done = CliRunner().invoke(main, ["report", *arguments])
        assert (done.exit_code, said in done.output, "Traceback" in done.output) == (2, True, False)
    with MockServer() as mock:
        done = CliRunner().invoke(main, ["report", str(tmp_path / "no" / "a.html"), "--url", mock.url])
        assert (done.exit_code, "cannot be written" in done.output) == (2, True)
