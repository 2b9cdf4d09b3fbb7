"""One table of all providers: by host, by prefix, by real path at the root."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.requests import Request

from fauxscale.dispatch.routing import Routes
from fauxscale.providers import PROVIDERS, aigateway


def asked(routes: Routes, path: str, **headers: str) -> str:
    """The name of the provider that a call to our own port is for, "" for none."""
    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": said}
    match = routes.find(Request(scope))
    return match.provider.name if match else ""


def test_of_several_prefixes_of_a_key_the_longest_tells_whose_call_it_is() -> None:
    # Another service whose keys start with "sk-" takes no call away from the gateway whose keys start with "sk-aig-".
    sites = tuple(replace(site) for site in aigateway.PROVIDER.sites)
    other = replace(aigateway.PROVIDER, name="other", key_prefix="sk-", sites=sites)
    for providers in ((*PROVIDERS, other), (other, *PROVIDERS)):
        routes = Routes(providers)
        for path in ("/v1/nothing/like/it", "/v1/models"):
            assert asked(routes, path, authorization="Bearer sk-aig-abc") == "aigateway"
            assert asked(routes, path, authorization="Bearer sk-live-abc") == "other"
            assert asked(routes, path, authorization="Bearer lmnfl_a.b") == "lumenfall"
