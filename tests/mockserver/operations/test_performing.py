"""Work of any shape is judged, paid for and kept: of no picture, of several, with several results for each image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale import MockServer, UnsafeImage
from fauxscale.client import AccountHandle
from fauxscale.images.recipe import Draw, Enlarge, Step
from fauxscale.provider_api import (
    ApiError,
    Call,
    Endpoint,
    Problem,
    Provider,
    Sent,
    Site,
    Size,
    Work,
    enlarged,
    flat,
    links_at,
    perform,
)
from tests.pictures import doubled, opened, picture


def drawn(sizes: Sequence[Size], seed: int) -> Step:
    return Draw(f"seed {seed}", 32, 24)


def alike(sizes: Sequence[Size], seed: int) -> Step:
    first, second = sizes
    if first != second:
        raise ApiError(Problem.WRONG_SIZE, "the pictures differ in size", param="second")
    return Enlarge(*first)


async def answer(call: Call, work: Work) -> Response:
    outcome = await perform(call, work)
    return JSONResponse(
        {
            "sent": [list(one.size) for one in outcome.pictures],
            "micros": outcome.charge.micros,
            "data": [{"url": one.url, "seed": one.seed, "size": one.size} for one in outcome.results],
        }
    )


async def draw(call: Call) -> Response:
    """Make pictures of none: as many and with the seed that the query says, repeated where it says so."""
    query = call.request.query_params
    work = Work(
        sources=(),
        steps=(drawn,),
        path=path_of,
        count=int(query.get("count", "1")),
        seed=int(query["seed"]) if "seed" in query else None,
        same_seed="same" in query,
    )
    return await answer(call, work)


async def combine(call: Call) -> Response:
    """Make two pictures of two, for each image."""
    form = await call.form(file=100_000)
    sources = tuple(
        Sent(part.data, part.name, sides=(1, 64), max_pixels=10_000)
        for name in ("first", "second")
        for part in form.all(name)
    )
    work = Work(sources=sources, steps=(alike, enlarged()), path=path_of, count=2, params={"what": "two"})
    return await answer(call, work)


async def tell(call: Call) -> Response:
    """Answer in words: no reply of this could leave a picture out."""
    work = Work(sources=(), steps=(drawn,), path=path_of, withholds=False)
    return await answer(call, work)


def path_of(link_id: str) -> str:
    return f"/results/{link_id}.png"


def find_key(request: Request) -> str | None:
    return request.headers.get("x-key")


def word_error(call: Call, error: ApiError) -> Response:
    return JSONResponse({"problem": error.problem.value, "param": error.param}, error.status or 400)


def endpoint(name: str, handler: object) -> Endpoint:
    price = flat(0.10)
    return Endpoint(operation=f"shapes.{name}", method="POST", path=f"/{name}", handler=handler, price=price)  # type: ignore[arg-type]  # each of the three handlers above


SITE = Site(
    prefix="/shapes",
    hosts=("api.shapes.example",),
    endpoints=(
        endpoint("draw", draw),
        endpoint("combine", combine),
        endpoint("tell", tell),
        links_at("shapes", "/results/{id}.png"),
    ),
)
SHAPES = Provider(
    name="shapes", sites=(SITE,), base="/shapes", media=SITE, find_key=find_key,
    mint_key=lambda drawn: f"shapes-{drawn.hex()}", word_error=word_error, env={}, link_life=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(providers=(SHAPES,)) as running:
        yield running


@pytest.fixture
def account(mock: MockServer) -> AccountHandle:
    return mock.account(balance=1.0)


def post(account: AccountHandle, path: str, **files: bytes) -> httpx.Response:
    headers = {"x-key": account.api_key("shapes")}
    return httpx.post(account.base_url("shapes") + path, headers=headers, files=files or None)


def test_work_without_a_picture_makes_results_and_is_paid_for(account: AccountHandle) -> None:
    body = post(account, "/draw?count=2").json()
    assert (body["sent"], body["micros"]) == ([], 200_000)
    first, second = (opened(httpx.get(one["url"]).content) for one in body["data"])
    assert first.size == second.size == (32, 24)
    assert first.tobytes() != second.tobytes(), "each is drawn with its own seed"
    (charge,) = account.ledger
    assert (charge.images, charge.dollars) == (2, 0.20)
    (call, *_) = account.calls.where(kind="api")
    assert call.image is None
    assert [result["seed"] for result in call.results] == [one["seed"] for one in body["data"]]


def test_a_seed_counts_up_from_image_to_image_or_is_the_same_for_all(account: AccountHandle) -> None:
    def seeds(query: str) -> list[int]:
        return [one["seed"] for one in post(account, f"/draw?count=3&{query}").json()["data"]]

    assert seeds("seed=2147483647") == [2**31 - 1, 0, 1]
    assert seeds("seed=7&same=1") == [7, 7, 7]


def test_every_picture_sent_is_judged_and_a_refusal_names_its_part(account: AccountHandle) -> None:
    good = picture(width=20, height=10)
    assert post(account, "/combine", first=good, second=good).json()["sent"] == [[20, 10], [20, 10]]
    for part in ("first", "second"):
        for bad, problem in (
            (b"none", "unsupported_format"),
            (picture()[:-40], "broken_image"),
            (picture(width=65, height=10), "wrong_size"),
        ):
            refused = post(account, "/combine", **({"first": good, "second": good} | {part: bad}))
            assert refused.json() == {"problem": problem, "param": part}


def test_pictures_that_do_not_go_together_are_refused_and_cost_nothing(account: AccountHandle) -> None:
    refused = post(account, "/combine", first=picture(width=20), second=picture(width=21))
    assert refused.json() == {"problem": "wrong_size", "param": "second"}
    assert len(account.ledger) == 0


def test_an_image_of_several_pictures_is_paid_for_once_and_has_one_seed(account: AccountHandle) -> None:
    first, second = picture(width=20, height=10), picture("JPEG", width=20, height=10)
    body = post(account, "/combine", first=first, second=second).json()
    assert body["micros"] == 200_000
    assert [one["size"] for one in body["data"]] == ["20x10", "40x20"] * 2
    assert body["data"][0]["seed"] == body["data"][1]["seed"] != body["data"][2]["seed"]
    assert len({one["url"] for one in body["data"]}) == 4
    made = opened(httpx.get(body["data"][1]["url"]).content)
    assert made.convert("RGB").tobytes() == doubled(first).tobytes()


def test_the_fingerprint_of_work_is_that_of_all_its_pictures(account: AccountHandle) -> None:
    one, other = picture(width=20, height=10), picture("JPEG", width=20, height=10)
    for first, second in ((one, one), (one, one), (one, other), (other, one)):
        assert post(account, "/combine", first=first, second=second).is_success
    prints = [bill.fingerprint for bill in account.ledger]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_a_picture_that_no_reply_can_leave_out_is_refused_instead_of_withheld(account: AccountHandle) -> None:
    account.faults.add(UnsafeImage(), on="shapes.tell")
    assert post(account, "/tell").json()["problem"] == "unsafe"
    assert post(account, "/tell").is_success
    assert len(account.ledger) == 1
