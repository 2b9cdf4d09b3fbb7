"""`make pictures`: photographs the inspector for the README and the docs, in light and dark, with Chromium."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import ViewportSize

from fauxscale import Fail, MockServer, NullUrl
from fauxscale.client import AccountHandle
from tests.browsing import browsing

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
_SIZE: ViewportSize = {"width": 1280, "height": 860}


def _upscale(mock: MockServer, account: AccountHandle, photo: str, asked: str) -> str:
    reply = httpx.post(
        mock.base_url("ideogram") + "/upscale",
        headers={"Api-Key": account.api_key("ideogram")},
        data={"image_request": asked},
        files={"image_file": (photo, (ROOT / "fixtures" / "images" / photo).read_bytes())},
    )
    return str(reply.json()["data"][0]["url"] or "") if reply.status_code == 200 else ""


def play(mock: MockServer) -> None:
    """Make the calls that the pictures show: results, a download, a refusal, a reply without a link."""
    account = mock.account(label="my app", balance=5.0)
    httpx.get(_upscale(mock, account, "coffee.jpg", '{"resemblance": 55, "detail": 90}'))
    account.faults.add(Fail(429, retry_after=2), on="ideogram.upscale")
    _upscale(mock, account, "chelsea.webp", "{}")
    httpx.get(_upscale(mock, account, "chelsea.webp", "{}"))
    account.faults.add(NullUrl(), on="ideogram.upscale")
    _upscale(mock, account, "astronaut.png", "{}")
    httpx.get(_upscale(mock, account, "astronaut.png", '{"prompt": "a portrait"}'))
    account.faults.add(Fail(503), on="ideogram.upscale", times=2)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with MockServer() as mock:
        play(mock)
        for scheme in ("light", "dark"):
            with browsing(mock.url + "/__fauxscale/", size=_SIZE, dark=scheme == "dark") as page:
                page.locator(".call", has_text="coffee.jpg").or_(page.locator(".call")).last.click()
                page.get_by_role("slider").wait_for()
                page.wait_for_function("[...document.images].every((one) => one.complete)")
                page.screenshot(path=FOLDER / f"inspector-{scheme}.png")
    print(f"written: {', '.join(str(file.relative_to(ROOT)) for file in sorted(FOLDER.iterdir()))}")


if __name__ == "__main__":
    main()
