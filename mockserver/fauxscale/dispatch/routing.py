"""The route table of all providers: by real host, by prefix, or by real path at the root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from re import Pattern

from msgspec import Struct
from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.routing import compile_path

from fauxscale.hosts import named_host

from .provider import Endpoint, Provider, Reached, Site


class Route(Struct, frozen=True):
    """An endpoint with its compiled path, and the methods it answers."""

    provider: Provider
    site: Site
    endpoint: Endpoint
    methods: tuple[str, ...]
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
            return None  # a number with more digits than Python converts


class Match(Struct, frozen=True):
    """The provider and route of a request. `route` is None if the provider does not have the path with this method;
    `allowed` then names the methods the path has. `raw` and `path` are provider-relative."""

    provider: Provider
    site: Site
    reached: Reached
    path: str
    raw: str
    route: Route | None = None
    params: Mapping[str, str] | None = None
    allowed: tuple[str, ...] = ()


class _Table:
    """The routes of sites that share their addresses, in the order of matching.

    Paths without parameters are looked up; any other path is tried on the routes with parameters.
    """

    def __init__(self, sites: Sequence[tuple[Provider, Site]]) -> None:
        self.first = sites[0]
        routes = [_route(provider, site, one) for provider, site in sites for one in site.endpoints]
        self._open = [one for one in routes if one.convertors]
        self._known = {
            one.endpoint.path: _matching(routes, one.endpoint.path) for one in routes if not one.convertors
        }

    @property
    def paths(self) -> Iterable[str]:
        """The paths without parameters."""
        return self._known

    def knows(self, path: str) -> bool:
        """Whether a path is one of these, for any method."""
        return path in self._known or bool(_matching(self._open, path))

    def match(self, method: str, reached: Reached, path: str, raw: str) -> Match:
        found = self._known.get(path)
        if found is None:
            found = _matching(self._open, path)
        for route, params in found:
            if method in route.methods:
                return Match(route.provider, route.site, reached, path, raw, route, params)
        allowed = dict.fromkeys(one for route, _ in found for one in route.methods)
        return Match(*self.first, reached, path, raw, allowed=tuple(allowed))


class Routes:
    """The route table. The order of providers and endpoints is the order of matching."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self.providers = tuple(providers)
        sites = [(provider, site) for provider in providers for site in provider.sites]
        self.hosts = frozenset(host for _, site in sites for host in site.hosts)
        self._by_host = {host: _Table([one for one in sites if host in one[1].hosts]) for host in self.hosts}
        prefixes = {site.prefix for _, site in sites}
        # One provider's prefix may begin with another's: the longest counts.
        self._by_prefix = [
            (f"{prefix}/", _Table([one for one in sites if one[1].prefix == prefix]))
            for prefix in sorted(prefixes, key=len, reverse=True)
        ]
        self._rooted = [_Table([one]) for one in sites if one[1].at_root]
        # Of the sites' paths without parameters, those that can match: nearly always one.
        self._at = {
            path: [one for one in self._rooted if one.knows(path)]
            for path in {path for table in self._rooted for path in table.paths}
        }

    def find(self, request: Request) -> Match | None:
        """The provider and endpoint of a request, None if no provider answers at its address."""
        path, raw = str(request.scope["path"]), _raw(request)
        table = self._by_host.get(named_host(request.scope["headers"]))
        if table is not None:
            return table.match(request.method, "host", path, raw)
        whole = f"{path}/"
        for prefix, under in self._by_prefix:
            if whole.startswith(prefix):
                at = len(prefix) - 1
                return under.match(request.method, "prefix", path[at:] or "/", raw[at:] or "/")
        return self._at_root(request, path, raw)

    def _at_root(self, request: Request, path: str, raw: str) -> Match | None:
        matches = [
            match
            for table in self._at.get(path, self._rooted)
            if (match := table.match(request.method, "root", path, raw)).route or match.allowed
        ]
        if not matches:
            return self._by_key(request, path, raw)
        if len(matches) == 1:
            return matches[0]
        # Two providers may share a real path (/v1/models): the key's format decides.
        found = sorted(matches, key=lambda match: -_likeness(match.provider, request))
        return next((match for match in found if match.route), found[0])

    def _by_key(self, request: Request, path: str, raw: str) -> Match | None:
        """Match a path that no provider has: the form of the call's key decides which provider refuses it."""
        carried = [one for one in self.providers if one.find_key(request)]
        for provider in sorted(carried, key=lambda one: -_likeness(one, request)):
            site = next((one for one in provider.sites if one.at_root), None)
            if site is not None:
                return Match(provider, site, "root", path, raw)
        return None


def _matching(routes: Sequence[Route], path: str) -> list[tuple[Route, Mapping[str, str]]]:
    """The routes that match a path, with any method, and the path's parameters."""
    return [(one, params) for one in routes if (params := one.match(path)) is not None]


def _route(provider: Provider, site: Site, endpoint: Endpoint) -> Route:
    methods = [endpoint.method]
    if endpoint.method == "GET":
        methods.append("HEAD")
    if endpoint.any_origin:
        methods.append("OPTIONS")
    pattern, _, convertors = compile_path(endpoint.path)
    return Route(provider, site, endpoint, tuple(methods), pattern, convertors)


def _likeness(provider: Provider, request: Request) -> int:
    """How many characters of the call's key match this provider's prefix: the longest match decides."""
    key = provider.find_key(request) or ""
    return len(provider.key_prefix) if key.startswith(provider.key_prefix) else 0


def _raw(request: Request) -> str:
    """The path as the client spelled it, without the query: links are compared byte for byte."""
    raw = request.scope.get("raw_path") or str(request.scope["path"]).encode()
    return bytes(raw).split(b"?", 1)[0].decode("latin-1")


def address(request: Request, path: str = "") -> str:
    """A request's path, or `path` instead, and its query."""
    query = request.scope["query_string"].decode("latin-1")
    return (path or str(request.scope["path"])) + (f"?{query}" if query else "")
