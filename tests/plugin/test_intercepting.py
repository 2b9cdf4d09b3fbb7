"""No client slips past: with `fauxscale_intercept` each of them is answered at the services' own addresses."""

from __future__ import annotations

import pytest

from fauxscale import MockServer
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]

# A hook of the interpreter's own sees every connection and every name that is resolved, whatever was replaced above it.
WITNESS = """
import ipaddress, sys
import pytest

left = []

def witness(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0] or "127.0.0.1"
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if host != "localhost" and not ipaddress.ip_address(host.rpartition(":")[2] or host).is_loopback:
        left.append(host)
        raise OSError(f"a call left for {host}")

def pytest_configure():
    sys.addaudithook(witness)

@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert left == []
"""

# The first is in the form of Ideogram's own samples, which call with requests; the others are the same call by others.
CLIENTS = """
import asyncio, http.client, json, os, ssl, urllib.request
from urllib.parse import urlsplit
import aiohttp, fal_client, httpx, openai, pytest, requests, urllib3

SESSION = requests.Session()
POOL = urllib3.PoolManager()

def body(image):
    return urllib3.encode_multipart_formdata({"image_file": ("a.png", image), "image_request": "{}"})

def by_requests(key, image, http=requests):
    response = http.post(
        "https://api.ideogram.ai/upscale",
        headers={"Api-Key": key},
        data={"image_request": json.dumps({"prompt": "a cat"})},
        files={"image_file": image},
    )
    return http.get(response.json()["data"][0]["url"]).content

def by_session(key, image):
    return by_requests(key, image, SESSION)

def by_urllib3(key, image):
    sent, kind = body(image)
    headers = {"Api-Key": key, "Content-Type": kind}
    reply = POOL.request("POST", "https://api.ideogram.ai/upscale", body=sent, headers=headers)
    return POOL.request("GET", reply.json()["data"][0]["url"]).data

def by_http_client(key, image):
    sent, kind = body(image)
    connection = http.client.HTTPSConnection("api.ideogram.ai")
    connection.request("POST", "/upscale", sent, {"Api-Key": key, "Content-Type": kind})
    link = urlsplit(json.load(connection.getresponse())["data"][0]["url"])
    connection.close()
    connection = http.client.HTTPSConnection(link.netloc)
    connection.request("GET", f"{link.path}?{link.query}")
    picture = connection.getresponse().read()
    connection.close()
    return picture

def by_urllib(key, image):
    sent, kind = body(image)
    headers = {"Api-Key": key, "Content-Type": kind}
    asked = urllib.request.Request("https://api.ideogram.ai/upscale", sent, headers)
    with urllib.request.urlopen(asked) as reply:
        link = json.load(reply)["data"][0]["url"]
    with urllib.request.urlopen(link) as reply:
        return reply.read()

async def with_aiohttp(session, key, image):
    form = aiohttp.FormData({"image_request": "{}"})
    form.add_field("image_file", image, filename="a.png")
    async with session.post("https://api.ideogram.ai/upscale", headers={"Api-Key": key}, data=form) as reply:
        link = (await reply.json())["data"][0]["url"]
    async with session.get(link) as reply:
        return await reply.read()

def by_aiohttp(key, image):
    async def main():
        async with aiohttp.ClientSession() as session:
            return await with_aiohttp(session, key, image)
    return asyncio.run(main())

def by_httpx(key, image):
    files = {"image_file": image, "image_request": (None, "{}", "application/json")}
    with httpx.Client() as http:
        reply = http.post("https://api.ideogram.ai/upscale", headers={"Api-Key": key}, files=files)
        return http.get(reply.json()["data"][0]["url"]).content

CLIENTS = [by_requests, by_session, by_urllib3, by_http_client, by_urllib, by_aiohttp, by_httpx]
"""

TESTS = """
@pytest.mark.parametrize("round", range(2))
@pytest.mark.parametrize("client", CLIENTS)
def test_client(client, round, fauxscale_intercept, sample_image):
    picture = client(os.environ["IDEOGRAM_API_KEY"], sample_image("PNG", 40, 30))
    assert picture.startswith(b"\\x89PNG")
    assert len(fauxscale_intercept.calls) == len(fauxscale_intercept.calls.downloads) == 1
    fauxscale_intercept.assert_billed_once()

@pytest.mark.parametrize("round", range(2))
def test_fal_client_reads_the_key_of_each_test(round, fauxscale_intercept, sample_image):
    photo = fal_client.encode(sample_image("PNG", 40, 30), "image/png")
    result = fal_client.subscribe("fal-ai/ideogram/upscale", arguments={"image_url": photo})
    link = result["images"][0]["url"]
    async def asynchronous():
        await fal_client.run_async("fal-ai/ideogram/upscale", arguments={"image_url": photo})
        async with aiohttp.ClientSession() as session, session.get(link) as reply:
            return await reply.read()
    assert requests.get(link).content == asyncio.run(asynchronous())
    assert len(fauxscale_intercept.ledger) == 2

@pytest.mark.parametrize("round", range(2))
def test_openai_and_a_download_by_something_else(round, fauxscale_intercept, sample_image):
    key = fauxscale_intercept.api_key("lumenfall")
    with openai.OpenAI(base_url="https://api.lumenfall.ai/openai/v1", api_key=key) as sdk:
        reply = sdk.images.edit(model="ideogram-upscale", image=("a.png", sample_image()), prompt="sharper")
    assert SESSION.get(reply.data[0].url).content.startswith(b"\\x89PNG")

async def make():
    return aiohttp.ClientSession()

@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()

@pytest.fixture(scope="module")
def session(loop):
    session = loop.run_until_complete(make())
    yield session
    loop.run_until_complete(session.close())

@pytest.mark.parametrize("round", range(3))
def test_an_aiohttp_session_of_the_whole_module(round, loop, session, fauxscale_intercept, sample_image):
    key = fauxscale_intercept.api_key("ideogram")
    assert loop.run_until_complete(with_aiohttp(session, key, sample_image())).startswith(b"\\x89PNG")
    fauxscale_intercept.assert_billed_once()

@pytest.mark.parametrize("kept", [SESSION.get, lambda url: POOL.request("GET", url)])
def test_without_the_fixture_it_is_refused_on_a_connection_that_was_kept_as_well(kept, fauxscale):
    with pytest.raises(AssertionError, match="use the fixture fauxscale_intercept"):
        kept("https://api.ideogram.ai/upscale")
    assert len(fauxscale.calls.refused) == 1

def test_a_session_wide_interception_may_surround_it(fauxscale_server, fauxscale_intercept, sample_image):
    from fauxscale import intercept
    with intercept(fauxscale_server):
        by_session(fauxscale_intercept.api_key("ideogram"), sample_image())
    by_session(fauxscale_intercept.api_key("ideogram"), sample_image())
    assert len(fauxscale_intercept.ledger) == 2
"""
PASSED = 7 * 2 + 2 + 2 + 3 + 2 + 1


@pytest.mark.e2e
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "two workers"])
def test_every_client_is_answered_and_no_call_leaves(run: Runs, workers: tuple[str, ...]) -> None:
    run.pytester.makeconftest(WITNESS)
    run.ini("filterwarnings = error")
    run.write(CLIENTS + TESTS)
    run.apart(*workers).assert_outcomes(passed=PASSED)


def test_a_server_elsewhere_answers_them_too(run: Runs) -> None:
    source = """
        import requests

        def test_it(fauxscale_intercept, sample_image):
            key = fauxscale_intercept.api_key("ideogram")
            assert upscale("https://api.ideogram.ai", key, sample_image(), requests).status_code == 200
            assert len(fauxscale_intercept.calls) == 1
    """
    with MockServer() as mock:
        run.write(source)
        run.again("--fauxscale-url", mock.url).assert_outcomes(passed=1)


def test_an_explicit_proxy_is_answered_with_interception_and_refused_without(run: Runs) -> None:
    result = run("""
        import requests

        URL = "https://api.ideogram.ai/models"

        def test_with(fauxscale_intercept):
            assert requests.get(URL, proxies={"https": fauxscale_intercept.url}).status_code == 401

        def test_without(fauxscale):
            requests.get(URL, proxies={"https": fauxscale.url})
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*a live call to api.ideogram.ai by requests (through urllib3) was refused: it would have left through *"
            "use the fixture fauxscale_intercept*"
        ]
    )
