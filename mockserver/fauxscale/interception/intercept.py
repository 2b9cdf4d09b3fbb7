"""intercept(): answers the providers' real hosts in this process, without a socket or a change in the client."""

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
    """While entered, clients built on httpx or httpx2 that call the providers' real hosts reach the stand-in.

        with intercept() as mock:
            MyClient("https://api.ideogram.ai", api_key="anything").upscale(picture)

    Without `mock` there is one of its own for `providers`, and no socket. Loopback may be reached as ever; a call
    to any other host, or to a covered one past those two libraries, raises LiveCallRefused and stands in the
    journal of `account`, or with those of no account. Raises ImportError naming the extra if respx is missing.
    """
    if mock is None:
        with MockServer(providers=providers, listen=False) as own, intercept(own, account=account):
            yield own
        return
    policy = policy_for(mock.providers, mock.url, routed=True)
    record = recorder(mock.client, UNASSIGNED if account is None else account.id)
    with routed(mock.transport(), mock.providers, policy, record):
        yield mock


@contextmanager
def routed(
    target: Target,
    providers: Iterable[Provider],
    policy: NetworkPolicy,
    record: Callable[[LiveCallRefused], None] | None = None,
) -> Generator[None]:
    """Take requests for the hosts of `providers` to `target`, and hold all others to `policy`."""
    with needed_by("intercept()"):
        from .respx_router import Switch, switched
    hosts = frozenset(host for provider in providers for site in provider.sites for host in site.hosts)
    with guard(policy, record) as sockets, switched(Switch(hosts, target, sockets)):
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
