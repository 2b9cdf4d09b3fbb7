"""endpoint_for: what answers a request, also one that no endpoint of a provider is for."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from fauxscale.dispatch.endpoints import endpoint_for
from fauxscale.dispatch.routing import Match, Routes
from fauxscale.providers import PROVIDERS

ROUTES = Routes(PROVIDERS)


def found(method: str, path: str) -> Match:
    match = ROUTES.find(Request({"type": "http", "method": method, "path": path, "headers": []}))
    assert match is not None
    return match


def test_a_route_is_answered_by_its_endpoint() -> None:
    match = found("POST", "/ideogram/upscale")
    assert match.route is not None
    assert endpoint_for(match, "POST") is match.route.endpoint


def test_a_preflight_of_what_any_origin_may_read_needs_no_key_and_counts_against_no_limit() -> None:
    match = found("OPTIONS", "/ideogram/api/images/ephemeral/x.png")
    assert match.route is not None
    endpoint = endpoint_for(match, "OPTIONS")
    assert endpoint.handler is not match.route.endpoint.handler
    assert (endpoint.operation, endpoint.needs_key, endpoint.limited, endpoint.owner) == (
        match.route.endpoint.operation,
        False,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/ideogram/upscale"), ("POST", "/lumenfall/v1/nothing")]
)
def test_what_a_provider_does_not_have_is_refused_without_a_key_and_without_a_price(
    method: str, path: str
) -> None:
    match = found(method, path)
    endpoint = endpoint_for(match, method)
    assert endpoint.operation == f"{match.provider.name}.unmatched"
    assert (endpoint.needs_key, endpoint.limited, endpoint.price) == (False, False, None)
