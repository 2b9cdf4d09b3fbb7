"""The call of Ideogram's documentation, origin swapped, from six HTTP clients: a real photo comes back doubled."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fauxscale import MockServer
from tests.conftest import FIXTURES
from tests.pictures import opened
from tests.tools import needs, path_of

PHOTO = FIXTURES / "images" / "astronaut.png"
REQUEST = '{\n"resemblance": 55,\n"detail": 90\n}'
Call = Callable[[str, Path], tuple[dict[str, object], bytes]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer() as mock:
        yield mock.url


def with_curl(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    call = [path_of("curl"), "-s", "-X", "POST", f"{url}/upscale", "-H", "Api-Key: <apiKey>"]
    call += [
        "-H",
        "Content-Type: multipart/form-data",
        "-F",
        f"image_file=@{PHOTO}",
        "-F",
        f"image_request={REQUEST}",
    ]
    reply = json.loads(subprocess.run(call, check=True, capture_output=True, timeout=30).stdout)
    link = reply["data"][0]["url"]
    subprocess.run([path_of("curl"), "-sf", "-o", str(out), link], check=True, timeout=30)
    return reply, out.read_bytes()


def with_httpx(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    with httpx.Client() as client, PHOTO.open("rb") as photo:
        reply = client.post(
            f"{url}/upscale",
            headers={"Api-Key": "<apiKey>"},
            data={"image_request": REQUEST},
            files={"image_file": photo},
        ).json()
        return reply, client.get(reply["data"][0]["url"]).content


def with_requests(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    with requests.Session() as session, PHOTO.open("rb") as photo:
        reply = session.post(
            f"{url}/upscale",
            headers={"Api-Key": "<apiKey>"},
            data={"image_request": REQUEST},
            files={"image_file": photo},
            timeout=30,
        ).json()
        return reply, session.get(reply["data"][0]["url"], timeout=30).content


def with_aiohttp(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    async def call() -> tuple[dict[str, object], bytes]:
        form = aiohttp.FormData()
        form.add_field("image_request", REQUEST)
        form.add_field("image_file", PHOTO.open("rb"), filename="astronaut.png")
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/upscale", headers={"Api-Key": "<apiKey>"}, data=form) as answer:
                reply = await answer.json()
            async with session.get(reply["data"][0]["url"]) as picture:
                return reply, await picture.read()

    return asyncio.run(call())


def with_urllib3(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    with urllib3.PoolManager() as pool:
        fields: dict[str, str | tuple[str, bytes]] = {
            "image_request": REQUEST,
            "image_file": ("astronaut.png", PHOTO.read_bytes()),
        }
        answer = pool.request("POST", f"{url}/upscale", fields=fields, headers={"Api-Key": "<apiKey>"})
        reply = json.loads(answer.data)
        return reply, pool.request("GET", reply["data"][0]["url"]).data


NODE = """
const fs = require('node:fs');
const [url, photo, out, request] = process.argv.slice(1);
(async () => {
  const form = new FormData();
  form.append('image_file', new Blob([fs.readFileSync(photo)]), 'astronaut.png');
  form.append('image_request', request);
  const headers = {'Api-Key': '<apiKey>'};
  const reply = await (await fetch(url + '/upscale', {method: 'POST', headers, body: form})).json();
  const picture = await fetch(reply.data[0].url);
  fs.writeFileSync(out, Buffer.from(await picture.arrayBuffer()));
  console.log(JSON.stringify(reply));
})();
"""


def with_node(url: str, out: Path) -> tuple[dict[str, object], bytes]:
    call = [path_of("node"), "-e", NODE, url, str(PHOTO), str(out), REQUEST]
    reply = subprocess.run(call, check=True, capture_output=True, timeout=30).stdout
    return json.loads(reply), out.read_bytes()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(with_curl, marks=needs("curl")),
        with_httpx,
        with_requests,
        with_aiohttp,
        with_urllib3,
        pytest.param(with_node, marks=needs("node")),
    ],
)
def test_the_documented_call_doubles_a_real_photo(call: Call, url: str, tmp_path: Path) -> None:
    reply, picture = call(url, tmp_path / "result.png")
    data = cast("list[dict[str, object]]", reply["data"])
    (item,) = data
    assert item["upscaled_resolution"] == "1024x1024"
    assert item["is_image_safe"] is True
    assert opened(picture).size == (1024, 1024)
    assert opened(picture).format == "PNG"


@pytest.mark.parametrize("call", [with_httpx, with_requests, with_urllib3, with_aiohttp])
def test_a_refusal_of_a_large_file_reaches_the_client(
    call: Call, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(PHOTO.read_bytes() + bytes(30 * 1024 * 1024))
    monkeypatch.setattr("tests.clients.test_ideogram_call.PHOTO", large)
    with pytest.raises(KeyError):  # the error body was read: it has no `data`
        call(url, tmp_path / "out")
