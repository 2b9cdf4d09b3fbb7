"""intercept(): answers the providers' real hosts in this process, without a change in the client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx

from fauxscale.dispatch.provider import Provider
from fauxscale.extras import needed_by
from fauxscale.providers import PROVIDERS
from fauxscale.server import MockServer
from fauxscale.state.accounts import UNASSIGNED

from .guard import LiveCallRefused, NetworkPolicy, guard
from .open_connections import OpenConnections
from .sockets import HasPorts, SocketRouter

if TYPE_CHECKING:
    from fauxscale.client import AccountHandle, FauxscaleClient

    from .respx_router import Target


@contextmanager
def intercept(
    mock: MockServer | None = None,
    *,
    account: AccountHandle | None = None,
    providers: Sequence[Provider] = PROVIDERS,
) -> Generator[MockServer]:
    """Inside the `with` block, clients that call the providers' real hosts reach a mock server.

        with intercept() as mock:
            MyClient("https://api.ideogram.ai", api_key="anything").upscale(picture)

    httpx and httpx2 are answered without a socket; whatever else connects by Python's own (requests, urllib3, aiohttp,
    http.client) reaches a port of loopback by TLS of ours, opened for the first of them. Without `mock` there is one of
    its own for `providers`. Loopback can be reached; a call to any other host raises LiveCallRefused and stands in the
    journal of `account`, or with those of no account. Raises ImportError naming the extra if respx is missing.
    """
    if mock is None:
        with MockServer(providers=providers, listen=False) as own, intercept(own, account=account):
            yield own
        return
    policy = policy_for(mock.providers, mock.url, routed=True)
    record = recorder(mock.client, UNASSIGNED if account is None else account.id)
    target = mock.transport()
    with routed(target, mock.providers, policy, record, ports=target):
        yield mock


@contextmanager
def routed(
    target: Target,
    providers: Iterable[Provider],
    policy: NetworkPolicy,
    record: Callable[[LiveCallRefused], None] | None = None,
    *,
    ports: HasPorts,
    earlier: OpenConnections | None = None,
) -> Generator[None]:
    """Take requests for the hosts of `providers` to `target`, connections to them to `ports`, and hold all others to
    `policy`. `earlier` remembers which connections were looked at, where this is done often."""
    with needed_by("intercept()"):
        from .respx_router import Switch, switched
    hosts = frozenset(host for provider in providers for site in provider.sites for host in site.hosts)
    router = SocketRouter(hosts, ports, earlier or OpenConnections())
    with guard(policy, record) as sockets, router.on(), switched(Switch(hosts, target, sockets)):
        yield


def recorder(client: FauxscaleClient, account_id: str) -> Callable[[LiveCallRefused], None]:
    """Make a function that writes each refusal into an account's journal; a stand-in that is gone hides none."""

    def record(refused: LiveCallRefused) -> None:
        arguments = {"host": refused.refusal.host, "reason": str(refused)}
        with suppress(httpx.HTTPError, RuntimeError):
            client.call("POST", f"/accounts/{account_id}/refusals", arguments)

    return record


def policy_for(
    providers: Iterable[Provider],
    url: str,
    *,
    reachable: Iterable[str] = (),
    others: bool = False,
    routed: bool = False,
) -> NetworkPolicy:
    """The policy that keeps real calls off the hosts of `providers`, whose stand-in is at `url`."""
    providers = tuple(providers)
    return NetworkPolicy(
        covered={
            host: url + (one.base if one.base.startswith(site.prefix) else site.prefix)
            for one in providers
            for site in one.sites
            for host in site.hosts
        },
        fallbacks={host: real for one in providers for host, real in one.fallbacks.items()},
        reachable=frozenset(host.lower() for host in reachable),
        others=others,
        routed=routed,
    )
