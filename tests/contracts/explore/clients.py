"""Clients that are explored: what each does at an account, as a function of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx
from PIL import Image

from fauxscale.client import AccountHandle
from fauxscale_contracts.explore.ending import ending_of
from fauxscale_contracts.explore.played import Played, Sleep, played
from tests.pictures import picture

Client = Callable[[AccountHandle], object]
PHOTO = picture()


def order(account: AccountHandle, **params: object) -> httpx.Response:
    """One upload as a client sends it."""
    form: dict[str, Any] = {
        "image_file": ("a.png", PHOTO, "image/png"),
        "image_request": (None, httpx.Response(200, json=params).text, "application/json"),
    }
    key = {"Api-Key": account.api_key("ideogram")}
    return httpx.post(f"{account.base_url('ideogram')}/upscale", headers=key, files=form)


def fetch(reply: httpx.Response) -> bytes:
    link = reply.raise_for_status().json()["data"][0]["url"]
    return httpx.get(link).raise_for_status().content


def simple(account: AccountHandle) -> bytes:
    """Asks once, reads once, and looks at what it got."""
    data = fetch(order(account))
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        if image.size != (80, 60):
            raise ValueError(f"{image.size} came")
    return data


def careless(account: AccountHandle) -> bytes:
    """Takes whatever comes for a picture."""
    return fetch(order(account))


def stubborn(account: AccountHandle) -> bytes:
    """Asks again whatever happened."""
    for _ in range(3):
        try:
            return fetch(order(account))
        except Exception:
            continue
    raise RuntimeError("three tries")


def play(account: AccountHandle, client: Client, sleeps: tuple[Sleep, ...] | None = ()) -> Played:
    """Let a client do its work, and tell what came of it."""
    try:
        client(account)
    except Exception as error:
        ending, said = ending_of(error)
        return played(account, sleeps=sleeps, ending=ending, said=said)
    return played(account, sleeps=sleeps)
