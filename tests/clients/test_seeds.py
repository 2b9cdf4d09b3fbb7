"""The calls that the gateways' model pages show, origin swapped and nothing else: curl, Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

from fauxscale import MockServer
from tests.conftest import FIXTURES
from tests.pictures import opened
from tests.tools import needs, path_of

PHOTO = FIXTURES / "images" / "astronaut.png"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer() as mock:
        yield mock.url


@pytest.fixture
def beside_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the examples are run in: it has a picture called source.png."""
    (tmp_path / "source.png").write_bytes(PHOTO.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def curl(*words: str) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run([path_of("curl"), "-s", *words], capture_output=True, check=True, timeout=30)
    reply: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return reply


def size_at(link: str | None) -> tuple[int, int]:
    assert link is not None
    return opened(httpx.get(link).raise_for_status().content).size


@needs("curl")
def test_aigateways_curl_call(url: str) -> None:
    body = '{"model":"ideogram/ideogram-upscale","prompt":"a serene cyberpunk city at dusk"}'
    call = [f"{url}/v1/images/generations", "-H", "Authorization: Bearer sk-aig-key"]
    reply = curl(*call, "-H", "Content-Type: application/json", "-d", body)
    assert set(reply) == {"created", "data"}
    assert size_at(reply["data"][0]["url"]) == (1024, 1024)


@pytest.mark.parametrize("base", ["/aigateway/v1", "/v1"])
def test_aigateways_python_call(url: str, base: str) -> None:
    with OpenAI(base_url=f"{url}{base}", api_key="sk-aig-...") as client:
        r = client.images.generate(
            model="ideogram/ideogram-upscale",
            prompt="a cyberpunk cat at sunset",
            size="1024x1024",
        )
    assert r.data is not None
    assert size_at(r.data[0].url) == (1024, 1024)


@needs("curl")
def test_lumenfalls_curl_call(url: str, beside_source: Path) -> None:
    texts = [
        "model=ideogram-upscale",
        "image=@source.png",
        "prompt=Add a starry night sky to this image",
        "size=1024x1024",
    ]
    form = [word for text in texts for word in ("-F", text)]
    call = ["-X", "POST", f"{url}/openai/v1/images/edits", "-H", "Authorization: Bearer lmnfl_key.secret"]
    (item,) = curl(*call, *form)["data"]
    assert item["revised_prompt"] == "Add a starry night sky to this image"
    assert size_at(item["url"]) == (1024, 1024)


@pytest.mark.parametrize("base", ["/lumenfall/openai/v1", "/openai/v1"])
def test_lumenfalls_python_call(url: str, base: str, beside_source: Path) -> None:
    with (
        OpenAI(api_key="YOUR_API_KEY", base_url=f"{url}{base}") as client,
        open("source.png", "rb") as source,
    ):
        response = client.images.edit(
            model="ideogram-upscale",
            image=source,
            prompt="Add a starry night sky to this image",
            size="1024x1024",
        )
    assert response.data is not None
    assert size_at(response.data[0].url) == (1024, 1024)
    assert response.data[0].revised_prompt


@needs("curl")
def test_the_pointer_to_the_compiled_schema(url: str) -> None:
    call = [f"{url}/v1/models/ideogram-upscale?schema=true", "-H", "Authorization: Bearer lmnfl_key.secret"]
    assert "schema" in curl(*call)
