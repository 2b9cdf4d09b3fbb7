"""What links lead to is kept while they live and let go of afterwards."""

from __future__ import annotations

import pytest

from fauxscale import accounts
from tests.mockserver.providers.test_ideogram import upscale
from tests.stages import Stage


def test_uploads_that_only_dead_links_lead_to_are_let_go_and_the_links_go_on_saying_they_expired(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "SWEEP_EVERY", 1)
    account = stage.account(link_ttl=100)
    key = account.api_key("ideogram")
    old = upscale(stage, key=key).json()["data"][0]["url"]
    account.clock.advance(seconds=100 + 3601)
    new = upscale(stage, key=key).json()["data"][0]["url"]
    assert stage.http.get(new).status_code == 200
    expired = stage.http.get(old)
    assert (expired.status_code, "died" in expired.headers["x-fauxscale-reason"]) == (403, True)
    account.clock.advance(seconds=-3702)
    gone = stage.http.get(old)
    assert (gone.status_code, "purged" in gone.headers["x-fauxscale-reason"]) == (404, True)


def test_an_upload_is_kept_while_any_link_to_it_lives(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "SWEEP_EVERY", 1)
    account = stage.account(link_ttl=10_000)
    key = account.api_key("ideogram")
    url = upscale(stage, key=key).json()["data"][0]["url"]
    account.clock.advance(seconds=9_999)
    upscale(stage, key=key)
    account.clock.advance(seconds=-1)
    assert stage.http.get(url).status_code == 200
