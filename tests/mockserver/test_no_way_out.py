"""Reached by prefix or root path, no reply leads out of this server."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx

from tests.pictures import picture
from tests.stages import Stage

ADDRESS = re.compile(rb"https?://([^/\"'\s\\<>)\]]+)")
# fal.ai's errors name the page of its documentation that explains them; no client follows it.
DOCUMENTATION = {"docs.fal.ai"}


def replies(stage: Stage) -> list[httpx.Response]:
    """One of everything: each provider's documents, successes and refusals, by prefix and at the root."""
    account = stage.account()
    key = account.api_key
    data = "data:image/png;base64," + base64.b64encode(picture()).decode()
    http = stage.http
    seen: list[httpx.Response] = []
    for base in (f"{stage.url}/ideogram", stage.url):
        files: dict[str, Any] = {"image_request": (None, "{}"), "image_file": ("a.png", picture())}
        seen.append(http.post(f"{base}/upscale", files=files, headers={"Api-Key": key("ideogram")}))
        seen.append(http.post(f"{base}/upscale", headers={"Api-Key": key("ideogram")}))
    bearer = {"Authorization": f"Bearer {key('aigateway')}"}
    for base in (f"{stage.url}/aigateway/v1", f"{stage.url}/v1"):
        body = {"model": "ideogram/ideogram-upscale", "prompt": "a cat", "size": "64x64"}
        seen.append(http.post(f"{base}/images/generations", json=body, headers=bearer))
        for path in (
            "models",
            "models/ideogram/ideogram-upscale",
            "balance",
            "openapi.json",
            "llms.txt",
            "nope",
        ):
            seen.append(http.get(f"{base}/{path}", headers=bearer))
    bearer = {"Authorization": f"Bearer {key('lumenfall')}"}
    for base in (f"{stage.url}/lumenfall/openai/v1", f"{stage.url}/openai/v1"):
        form: dict[str, Any] = {"model": (None, "ideogram-upscale"), "image": ("a.png", picture())}
        seen.append(http.post(f"{base}/images/edits", files=form, headers=bearer))
        for path in ("models", "models/ideogram-upscale?schema=true", "models/none"):
            seen.append(http.get(f"{base}/{path}", headers=bearer))
    seen.append(http.get(f"{stage.url}/lumenfall/v1/requests", headers=bearer))
    fal = {"Authorization": f"Key {key('fal')}"}
    for base in (f"{stage.url}/fal/run", stage.url, f"{stage.url}/fal/queue"):
        seen.append(http.post(f"{base}/fal-ai/ideogram/upscale", json={"image_url": data}, headers=fal))
        seen.append(http.post(f"{base}/fal-ai/ideogram/upscale", json={"detail": 0}, headers=fal))
    submitted = seen[-2].json()
    seen.append(http.get(submitted["status_url"], headers=fal))
    seen.append(http.get(submitted["response_url"], headers=fal))
    storage = f"{stage.url}/fal/rest/storage"
    seen.append(http.post(f"{storage}/auth/token?storage_type=fal-cdn-v3", json={}, headers=fal))
    about = {"content_type": "image/png", "file_name": "a.png"}
    seen.append(http.post(f"{storage}/upload/initiate?storage_type=fal-cdn-v3", json=about, headers=fal))
    return seen


def test_every_address_in_every_reply_is_on_this_server(stage: Stage) -> None:
    own = stage.url.partition("://")[2]
    addresses = 0
    for reply in replies(stage):
        text = reply.content + str(reply.headers).encode()
        hosts = {host.decode() for host in ADDRESS.findall(text)}
        assert hosts <= {own} | DOCUMENTATION, f"{reply.request.url}: {hosts}"
        addresses += len(hosts & {own})
        assert reply.status_code < 500
    assert addresses >= 10, "the replies looked at do hold links"
