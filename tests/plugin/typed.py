"""A project's tests with types, which both type checkers read strictly; test_typed runs them."""

from __future__ import annotations

import httpx
import pytest

from fauxscale import MockServer
from pytest_fauxscale import AccountHandle, SampleImages, Server


@pytest.fixture
def rich(fauxscale_server: Server) -> AccountHandle:
    return fauxscale_server.account(balance=100, time="virtual", options={"ideogram.api_version": "2026-10"})


def send(account: AccountHandle, image: bytes) -> int:
    files = {"image_file": image, "image_request": b"{}"}
    headers = {"Api-Key": account.api_key("ideogram")}
    return httpx.post(f"{account.base_url('ideogram')}/upscale", files=files, headers=headers).status_code


def test_account(fauxscale: AccountHandle, rich: AccountHandle, sample_image: SampleImages) -> None:
    terms = fauxscale.settings(
        time="virtual", rate_limit=1, link_ttl=None, options={"ideogram.max_pixels": 10_000}
    )
    assert terms["rate_limit"] == 1
    assert [send(account, sample_image("PNG", 40, 30)) for account in (fauxscale, rich)] == [200, 200]
    image = rich.calls.where(operation="ideogram.*").last.image
    assert image is not None
    assert image.size == (40, 30)


def test_words_nobody_knows_are_found_by_the_checkers(fauxscale: AccountHandle) -> None:
    with pytest.raises(ValueError, match="unknown setting 'balanse'"):
        fauxscale.settings(balanse=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the mistake that checkers must find
    with pytest.raises(ValueError, match="time must be real or virtual"):
        fauxscale.settings(time="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake that checkers must find
    with MockServer(listen=False) as mock, pytest.raises(ValueError, match="balance must be a number"):
        mock.account(balance="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake that checkers must find
