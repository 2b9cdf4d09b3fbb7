"""The route table of all providers: by real host, by prefix, or by real path at the root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from re import Pattern

from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.routing import compile_path

from fauxscale.hosts import host_name

from .provider import Endpoint, Provider, Reached, Site


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with its compiled path."""

    provider: Provider
    site: Site
    endpoint: Endpoint
    pattern: Pattern[str]
    convertors: Mapping[str, Convertor[object]]

    def match(self, path: str) -> dict[str, str] | None:
        found = self.pattern.match(path)
        if found is None:
            return None
        try:
            return {
                name: str(self.convertors[name].convert(value)) for name, value in found.groupdict().items()
            }
        except ValueError:
            return None  # a number of more digits than Python reads


@dataclass(frozen=True, slots=True)
class Match:
    """The provider and route of a request. `route` is None when the provider has no such path, or not this method:
    then `allowed` names the methods the path has. `raw` and `path` are provider-relative."""

    provider: Provider
    site: Site
    reached: Reached
    path: str
    raw: str
    route: Route | None = None
    params: Mapping[str, str] | None = None
    allowed: tuple[str, ...] = ()


class Routes:
    """The route table. The order of providers and endpoints is the order of matching."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self.providers = tuple(providers)
        self._sites = [(provider, site) for provider in providers for site in provider.sites]
        # By the identity of their site: two sites may be equal.
        self._routes = {
            id(site): [
                Route(provider, site, endpoint, *_compiled(endpoint.path)) for endpoint in site.endpoints
            ]
            for provider, site in self._sites
        }
        # One provider's prefix may begin with another's: the longest is meant.
        self._prefixes = sorted({site.prefix for _, site in self._sites}, key=len, reverse=True)
        self.hosts = frozenset(host for _, site in self._sites for host in site.hosts)

    def find(self, request: Request) -> Match | None:
        """The provider and endpoint a request is for, None when no provider answers at its address."""
        path, raw = str(request.scope["path"]), _raw(request)
        host = host_name(request.headers.get("host", ""))
        if host in self.hosts:
            sites = [(provider, site) for provider, site in self._sites if host in site.hosts]
            return self._match(request, sites, "host", path, raw)
        for prefix in self._prefixes:
            if path == prefix or path.startswith(f"{prefix}/"):
                under = [(provider, site) for provider, site in self._sites if site.prefix == prefix]
                length = len(prefix)
                return self._match(request, under, "prefix", path[length:] or "/", raw[length:] or "/")
        return self._at_root(request, path, raw)

    def _at_root(self, request: Request, path: str, raw: str) -> Match | None:
        rooted = [(provider, site) for provider, site in self._sites if site.at_root]
        matches = [
            match
            for provider, site in rooted
            if (match := self._match(request, [(provider, site)], "root", path, raw)).route or match.allowed
        ]
        if not matches:
            return self._by_key(request, path, raw)
        # Two providers may share a real path (/v1/models): the key's format tells whose client this is.
        found = sorted(matches, key=lambda match: -_likeness(match.provider, request))
        return next((match for match in found if match.route), found[0])

    def _by_key(self, request: Request, path: str, raw: str) -> Match | None:
        """Match a path no provider has: the form of the call's key decides whose envelope the refusal has."""
        carried = [one for one in self.providers if one.find_key(request)]
        for provider in sorted(carried, key=lambda one: -_likeness(one, request)):
            site = next((one for one in provider.sites if one.at_root), None)
            if site is not None:
                return Match(provider, site, "root", path, raw)
        return None

    def _match(
        self, request: Request, sites: Sequence[tuple[Provider, Site]], reached: Reached, path: str, raw: str
    ) -> Match:
        provider, site = sites[0]
        allowed: list[str] = []
        for route in [one for _, site in sites for one in self._routes[id(site)]]:
            if (params := route.match(path)) is None:
                continue
            methods = [route.endpoint.method]
            if route.endpoint.method == "GET":
                methods.append("HEAD")
            if route.endpoint.any_origin:
                methods.append("OPTIONS")
            if request.method in methods:
                return Match(route.provider, route.site, reached, path, raw, route, params)
            allowed += methods
        return Match(provider, site, reached, path, raw, allowed=tuple(dict.fromkeys(allowed)))


def _likeness(provider: Provider, request: Request) -> int:
    """How many characters of the call's key are this provider's prefix: the longest match decides."""
    key = provider.find_key(request) or ""
    return len(provider.key_prefix) if key.startswith(provider.key_prefix) else 0


def _compiled(path: str) -> tuple[Pattern[str], Mapping[str, Convertor[object]]]:
    pattern, _, convertors = compile_path(path)
    return pattern, convertors


def _raw(request: Request) -> str:
    """The path as the client spelled it, without the query: links are compared with it byte for byte."""
    raw = request.scope.get("raw_path") or str(request.scope["path"]).encode()
    return bytes(raw).split(b"?", 1)[0].decode("latin-1")
