"""Which route a control call is for, and what a path answers that the method is wrong for."""

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.client import API
from fauxscale.control.api import ROUTES
from fauxscale.control.routes import ControlRoutes

FOUND = ControlRoutes(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_found_by_its_own_path(route: object) -> None:
    method, path = route.method, route.path  # type: ignore[attr-defined]
    named = {name: f"a-{name}" for name in ("id", "call", "number", "fault", "job") if f"{{{name}}}" in path}
    assert FOUND.find(method, path.format(**named)) == (route, named)


@pytest.mark.parametrize(
    "path", ["", "/", "/accounts/", "/accounts//calls", "/nosuch", "/health/more", "health"]
)
def test_no_route_is_found_for_another_path(path: str) -> None:
    assert FOUND.find("GET", path) is None
    assert FOUND.methods(path) == []


def test_allow_names_every_method_that_a_path_answers() -> None:
    with MockServer() as mock:
        reply = httpx.put(f"{mock.url}{API}/accounts")
        assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, POST")
        head = httpx.head(f"{mock.url}{API}/accounts")
        assert (head.status_code, head.content) == (200, b"")
