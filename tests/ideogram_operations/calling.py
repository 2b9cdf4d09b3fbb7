"""A row of the table of Ideogram's operations: what its calls must show, and what is checked of all of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from PIL import Image, ImageChops, ImageStat

from fauxscale.client import AccountHandle
from fauxscale.providers.ideogram import PROVIDER
from fauxscale_contracts import Contract, Exchange, api_versions, load
from tests.calls.ideogram import SAMPLES
from tests.pictures import opened

LANCZOS = Image.Resampling.LANCZOS
# The severity of what a service would overlook.
IGNORED = "ignored"


@dataclass
class Calling:
    """An account and its calls; `replies` are the answers to them."""

    http: httpx.Client
    base: str
    account: AccountHandle
    replies: list[httpx.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.account.clock.freeze()
        self.headers = {"Api-Key": self.account.api_key("ideogram")}

    def ask(self, name: str, **changes: Any) -> Any:
        """Send a sample of v1, changed; its reply."""
        key = self.headers["Api-Key"]
        return self._told(SAMPLES[name].send(self.http, self.base, key, **changes))

    def asked(self, name: str, **members: object) -> Any:
        """The same for an operation whose parameters are JSON."""
        return self.ask(name, **SAMPLES[name].asked(**members))

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call any operation; its reply."""
        return self._told(self.http.request(method, self.base + path, headers=self.headers, **options))

    def _told(self, reply: httpx.Response) -> Any:
        self.replies.append(reply)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def picture(self, url: object) -> Image.Image:
        reply = self.http.get(str(url))
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
        return opened(reply.content)

    def result(self, body: Any, number: int = 0) -> Image.Image:
        """A picture of a reply, in the size that the reply tells."""
        item = body["data"][number]
        made = self.picture(item["url"])
        told = item.get("upscaled_resolution") or item["resolution"]
        assert f"{made.width}x{made.height}" == told
        return made

    def prices(self, operation: str) -> list[float]:
        """What an image of an operation was charged, in dollars: each price once."""
        bills = [one for one in self.account.ledger if one.operation == operation]
        return sorted({round(one.dollars / one.images, 6) for one in bills})

    def departures(self) -> list[str]:
        """How the calls and their answers depart from the recorded contract they come closest to."""
        return [line for reply in self.replies for line in _departures(reply)]


@dataclass(frozen=True)
class Row:
    """A line of the table: an operation, what is true of its pixels, and what an image of it costs, in dollars.

    `model` is the one in the path, where there are several. What is free has no price.
    """

    name: str
    true: str
    price: float
    check: Callable[[Calling], None]
    model: str = ""

    @property
    def operation(self) -> str:
        return f"ideogram.{self.name}"

    @property
    def id(self) -> str:
        return f"{self.name}-{self.model}" if self.model else self.name

    @property
    def call(self) -> str:
        """The method and the path."""
        endpoint = next(
            one for site in PROVIDER.sites for one in site.endpoints if one.operation == self.operation
        )
        return f"{endpoint.method} {endpoint.path.replace('{model}', self.model)}"


def run(row: Row, calling: Calling) -> None:
    """Check the pixels and the price of a row. Raises AssertionError."""
    row.check(calling)
    assert calling.prices(row.operation) == ([row.price] if row.price else [])


def _departures(reply: httpx.Response) -> list[str]:
    exchange = Exchange.of(reply)
    asked = exchange.request
    verdicts = [
        [*contract.check_request(exchange), *contract.check_response(exchange)]
        for contract in _contracts()
        if contract.find(asked.method, asked.url) is not None
    ]
    if not verdicts:
        return [f"{asked.method} {asked.url} is in no recorded contract"]
    least = min(([one for one in found if one.severity != IGNORED] for found in verdicts), key=len)
    return [str(one) for one in least]


@cache
def _contracts() -> tuple[Contract, ...]:
    return tuple(load("ideogram", api_version=date) for date in api_versions()["ideogram"])


def same(one: Image.Image, other: Image.Image, box: tuple[int, int, int, int] | None = None) -> bool:
    """Whether two pictures are alike byte for byte, in a box or all over."""
    pair = [image.convert("RGB").crop(box or (0, 0, *image.size)) for image in (one, other)]
    return pair[0].size == pair[1].size and ImageChops.difference(*pair).getbbox() is None


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, of 255."""
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return sum(ImageStat.Stat(difference).mean) / 3


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def photo(width: int, height: int) -> bytes:
    """A picture with detail everywhere."""
    image = Image.effect_mandelbrot((width, height), (-2.2, -1.2, 1.0, 1.2), 60).convert("RGB")
    image.paste((200, 30, 60), (0, 0, width // 3, height // 3))
    return encoded(image)
