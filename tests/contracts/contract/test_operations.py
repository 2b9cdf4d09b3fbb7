"""An operation is found by method and address: at the real hosts, behind any prefix, and nowhere else."""

from __future__ import annotations

import re

import pytest

from fauxscale.providers import PROVIDERS
from fauxscale_contracts import load
from fauxscale_contracts.contract.operations import path_values

ADDRESSES = [
    (provider.name, endpoint.operation, endpoint.method, site, re.sub(r"\{[a-z]+:int\}", "1", endpoint.path))
    for provider in PROVIDERS
    for site in provider.sites
    for endpoint in site.endpoints
]


def test_every_address_of_the_stand_in_is_found() -> None:
    for provider, operation, method, site, template in ADDRESSES:
        contract = load(provider)
        path = re.sub(r"\{[^}]+\}", "abc", template)
        local = contract.find(method, f"http://127.0.0.1:2160{site.prefix}{path}")
        real = contract.find(method, f"https://{site.hosts[0]}{path}")
        assert (local and local.name, real and real.name) == (operation, operation)


@pytest.mark.parametrize(
    ("provider", "method", "url", "operation"),
    [
        ("ideogram", "POST", "http://localhost:9/upscale", "ideogram.upscale"),
        ("ideogram", "POST", "http://proxy/a/b/c/upscale?x=1", "ideogram.upscale"),
        ("ideogram", "HEAD", "https://ideogram.ai/api/images/ephemeral/abc.png", "ideogram.download"),
        ("ideogram", "GET", "http://localhost/upscale", None),
        ("ideogram", "POST", "https://api.ideogram.ai/upscale", "ideogram.upscale"),
        ("ideogram", "POST", "https://api.ideogram.ai/v1/upscale", None),
        ("aigateway", "POST", "https://api.aigateway.sh/openai/v1/images/edits", None),
        ("ideogram", "POST", "http://localhost/upscaled", None),
        ("ideogram", "POST", "http://localhost/xupscale", None),
        (
            "aigateway",
            "GET",
            "https://api.aigateway.sh/v1/models/ideogram/ideogram-upscale",
            "aigateway.model",
        ),
        (
            "aigateway",
            "GET",
            "https://api.aigateway.sh/v1/models/ideogram%2Fideogram-upscale",
            "aigateway.model",
        ),
        ("aigateway", "GET", "http://h/v1/models/ideogram/ideogram-upscale/schema", "aigateway.model_schema"),
        ("fal", "POST", "https://fal.run/fal-ai/ideogram/upscale", "fal.run"),
        ("fal", "POST", "https://queue.fal.run/fal-ai/ideogram/upscale", "fal.submit"),
        ("fal", "POST", "http://localhost/fal/queue/fal-ai/ideogram/upscale", "fal.submit"),
        ("fal", "POST", "http://localhost/fal-ai/ideogram/upscale", "fal.run"),
        ("fal", "GET", "https://queue.fal.run/fal-ai/ideogram/requests/1/status/stream", "fal.stream"),
    ],
)
def test_an_address_belongs_to_one_operation(
    provider: str, method: str, url: str, operation: str | None
) -> None:
    found = load(provider).find(method, url)
    assert (found.name if found else None) == operation


def test_the_words_in_a_path_are_read() -> None:
    operation = load("lumenfall").operation("lumenfall.download")
    assert path_values(operation, "http://h/lumenfall/abc.webp") == {"id": "abc", "ext": "webp"}
    assert path_values(operation, "http://h/nothing") == {}


def test_a_class_of_statuses_may_be_recorded_as_one() -> None:
    operation = load("ideogram").operation("ideogram.upscale")
    operation.answers["5XX"] = operation.answers["500"]
    try:
        assert operation.answer(599) is operation.answers["500"]
        assert operation.answer(499) is None
    finally:
        del operation.answers["5XX"]
