"""Implements the fixtures: one server a run, one account a test, and a guard around both."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.extras import MissingExtra
from fauxscale.interception.forward import Forward
from fauxscale.interception.guard import LiveCallRefused, NetworkPolicy, guard
from fauxscale.interception.intercept import policy_for, recorder, routed
from fauxscale.interception.open_connections import OpenConnections
from fauxscale.observer import Observation, Observer
from fauxscale.settings import Terms
from fauxscale.state.accounts import UNASSIGNED
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.profile import Profile

from . import explore_options, options
from .account import TestedAccount
from .blocked_calls import BlockedCalls
from .contract_check import REJECTED, Watcher
from .coverage import COLLECTOR, collector_of
from .intercepted_calls import InterceptedCalls
from .item_checks import BLOCKED, WATCHER
from .remote import RemoteServer, Server
from .sdk_keys import read_anew
from .stashed import SILENT, SITUATION

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider
    from fauxscale.transport.in_process import AppTransport

# The connections that interception found open in a run and did not make itself.
EARLIER = pytest.StashKey[OpenConnections]()


@contextmanager
def running(config: pytest.Config, providers: Sequence[Provider]) -> Generator[Server]:
    """Start the server of a run, or connect to the one that --fauxscale-url names. While it runs, the services it
    imitates cannot be called, even by fixtures of wider scope; other hosts are blocked by each test."""
    _need_libraries()
    config.stash.setdefault(BLOCKED, BlockedCalls())
    with _started(config, providers) as server, guarded(config, server, others=True):
        yield server


def _need_libraries() -> None:
    """Fail in one line if only the base install is there: the extra has more than pytest."""
    for library in ("respx", "jsonschema_rs", "python_multipart"):
        if find_spec(library) is None:
            pytest.fail(str(MissingExtra("the fixture fauxscale", library)), pytrace=False)


@contextmanager
def _started(config: pytest.Config, providers: Sequence[Provider]) -> Generator[Server]:
    url = config.getoption("--fauxscale-url")
    if url:
        collector = collector_of(config)
        token = config.getoption("--fauxscale-token")
        remote = RemoteServer(str(url), token, providers, closing=collector.read)
        with closing(remote.client):
            if why := remote.why_silent():
                pytest.fail(f"--fauxscale-url={url}: no fauxscale server answers there: {why}", pytrace=False)
            collector.client = remote.client
            try:
                yield remote
            finally:
                for account in sorted(remote.client.opened):
                    collector.read(account)
                collector.client = None
    else:
        config.stash.setdefault(WATCHER, Watcher())
        observer: Observer = config.stash[WATCHER]
        with ExitStack() as closes:
            if config.getoption("--fauxscale-usage"):
                observer = closes.enter_context(_usage(config, observer))
            settings = Settings(key_policy="issued")
            journal = collector_of(config)
            yield closes.enter_context(
                MockServer(settings, providers=providers, observer=observer, journal=journal)
            )


@contextmanager
def _usage(config: pytest.Config, observer: Observer) -> Generator[Observer]:
    """Note what clients use, in addition to `observer`'s notes."""
    from .usage import USAGE, UsageWatcher

    usage = config.stash.setdefault(USAGE, UsageWatcher())

    def both(call: Observation) -> None:
        observer(call)
        usage(call)

    with usage.watching():
        yield both


def totals(config: pytest.Config, server: Server) -> Mapping[str, int]:
    """Sum up the run on this server, with the blocked live calls that belong to no account, and the violations of its
    calls."""
    sums = server.client.totals()
    if (watcher := config.stash.get(WATCHER, None)) is not None:
        sums |= {"judged": watcher.judged, "rejected": watcher.departed[REJECTED]}
        sums |= {name: watcher.departed[name] for name in ("undocumented", "ignored")}
    if isinstance(server, MockServer):  # a remote server may have blocked the calls of others
        sums["refused"] = (
            sums.get("refused", 0) + server.client.call("GET", f"/accounts/{UNASSIGNED}/totals")["refused"]
        )
    return sums


@contextmanager
def account_of(item: pytest.Item, server: Server, env: pytest.MonkeyPatch) -> Generator[TestedAccount]:
    """Open an account for one test, on the terms in force, with the guard on and real keys hidden. It is in the
    situation that the test is explored in."""
    account = TestedAccount.of(_opened(item, server))
    if (situation := item.stash.get(SITUATION, None)) is not None:
        situation.stage(account, 0.0 if item.stash[SILENT] else explore_options.patience(item.config))
        account.situation = situation.id
    # The project's own tests did not meet a situation that exploration stages.
    explored = item.config.getoption("--fauxscale-explore-plan")
    item.config.stash[COLLECTOR].give(account.id, "" if explored else item.nodeid)
    for name, key in _keys(server, account).items():
        if os.environ.get(name):
            env.setenv(name, key)
    try:
        with read_anew(), guarded(item.config, server, account.id):
            yield account
    finally:
        if account.id in server.client.opened:
            account.delete()


@contextmanager
def intercepted(
    item: pytest.Item, server: Server, account: TestedAccount, env: pytest.MonkeyPatch
) -> Generator[None]:
    """Answer the real hosts with the stand-in; clients that read their key from the environment find one."""
    config = item.config
    for name, key in _keys(server, account).items():
        env.setenv(name, key)
    policy = _policy(config, server, routed=True)
    record = _record(config, server, account.id)
    with ExitStack() as closes:
        if isinstance(server, MockServer):
            target: AppTransport | Forward = server.transport()
        else:
            target = closes.enter_context(Forward(server.url))
        # The callers are needed only once, to make the plan.
        planning = config.getoption("--fauxscale-explore") and not config.getoption(
            "--fauxscale-explore-plan"
        )
        root = config.rootpath if planning else None
        calls = account.intercepted = InterceptedCalls(target, account, root)
        calls.silent = item.stash.get(SILENT, False)
        earlier = config.stash.setdefault(EARLIER, OpenConnections())
        closes.enter_context(routed(calls, server.providers, policy, record, ports=target, earlier=earlier))
        closes.enter_context(read_anew())
        yield


@contextmanager
def guarded(
    config: pytest.Config, server: Server, account_id: str = UNASSIGNED, *, others: bool = False
) -> Generator[None]:
    """Block all calls, or with `others` only those to the services, unless the network is allowed; refusals go into the
    account's journal."""
    if options.network(config) == "allow":
        yield
    else:
        with guard(_policy(config, server, others=others), _record(config, server, account_id)):
            yield


def _record(config: pytest.Config, server: Server, account_id: str) -> Callable[[LiveCallRefused], None]:
    return config.stash[BLOCKED].noting(account_id, recorder(server.client, account_id))


def _policy(
    config: pytest.Config, server: Server, *, routed: bool = False, others: bool = False
) -> NetworkPolicy:
    return policy_for(
        server.providers,
        server.url,
        reachable=[*options.reachable(config), urlsplit(server.url).hostname or ""],
        others=others or options.network(config) == "allow",
        routed=routed,
    )


def _opened(item: pytest.Item, server: Server) -> AccountHandle:
    terms: dict[str, object] = {**options.terms_for(item)}
    api_version = terms.pop("api_version", None)
    try:
        terms["options"] = options.api_version_options(server.providers, api_version)
        return server.client.account(Terms.from_mapping(terms), item.nodeid)
    except ValueError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _keys(server: Server, account: AccountHandle) -> dict[str, str]:
    """The account's keys by the variables that clients read."""
    keys = {
        name: account.api_key(one.name)
        for one in server.providers
        for name, template in one.env.items()
        if template == "{key}"
    }
    # Services with the same dialect share variables: the base URL decides which of them an SDK is for, else the first.
    served = {one.name for one in server.providers}
    known = [one for one in profiles().by_name.values() if one.name in served]
    for one in sorted(known, key=_is_chosen, reverse=True):
        templates = {name: template for name, template in one.env.items() if "{key" in template}
        templates |= {name: template for name, template in one.env_if_set.items() if os.environ.get(name)}
        keys = one.filled(templates, "", account.api_key(one.name)) | keys
    return keys


def _is_chosen(profile: Profile) -> bool:
    """Whether a base-URL variable in this environment points to the provider."""
    places = [name for name, template in profile.env.items() if template == "{base_url}"]
    return any(profile.name in os.environ.get(name, "") for name in places)
