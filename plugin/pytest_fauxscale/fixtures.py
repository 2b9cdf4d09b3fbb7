"""What the fixtures stand on: one stand-in a run, one account a test, one guard around both."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import Account, FauxscaleClient
from fauxscale.client.arguments import Words
from fauxscale.faults import Ok
from fauxscale.interception.forward import Forward
from fauxscale.interception.guard import Fence, LiveCallRefused, guard
from fauxscale.interception.intercept import fence_for, recorder, routed
from fauxscale.providers import PROVIDERS
from fauxscale.settings import Scalar, Terms
from fauxscale.state.accounts import UNASSIGNED
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.profile import Profile

from . import options
from .blocked_calls import Witness
from .contract_check import BREACHES, ContractWarning, Watcher

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider
    from fauxscale.transport.in_process import AppTransport


class UnusedFault(UserWarning):
    """A test passed without meeting a fault that it ordered."""


class RemoteServer:
    """A stand-in that runs elsewhere, with what tests use of a MockServer."""

    providers = PROVIDERS

    def __init__(self, url: str, token: str | None) -> None:
        self.client = FauxscaleClient(url, token=token)
        self.url = self.client.url

    def base_url(self, provider: str) -> str:
        """What to give a client of that provider as its base URL."""
        return self.url + str(self.client.provider(provider)["base"])

    def account(
        self, *, options: Mapping[str, Scalar] | None = None, label: str = "", **terms: Unpack[Words]
    ) -> Account:
        """A fresh account with keys of its own; terms as in `Terms`."""
        words: dict[str, object] = {**terms, "options": options} if options else {**terms}
        return self.client.account(Terms.from_mapping(words), label)

    def reset(self) -> None:
        """Refused: others may be using it."""
        raise RuntimeError("a shared server is not reset by a test: reset the account, or take a fresh one")


Server = MockServer | RemoteServer
WATCHER = pytest.StashKey[Watcher]()
WITNESS = pytest.StashKey[Witness]()


def watch(item: pytest.Item) -> None:
    """From here on the calls belong to this test."""
    item.stash[BREACHES] = ""
    item.config.stash[WITNESS].begin()
    if (watcher := item.config.stash.get(WATCHER, None)) is not None:
        watcher.begin()


def made_calls(item: pytest.Item) -> bool:
    """Whether the stand-in took a call since this test began."""
    watcher = item.config.stash.get(WATCHER, None)
    return watcher is not None and watcher.saw_any


def hold_to_guard(item: pytest.Item, account: Account | None) -> None:
    """Fail a test that would pass although its program swallowed the refusal of a live call."""
    if text := item.config.stash[WITNESS].swallowed(item, account):
        pytest.fail(text, pytrace=False)


def hold_to_faults(item: pytest.Item, account: Account) -> None:
    """Warn of ordered faults that no call of a passing test ever met."""
    for rule in account.faults.list():
        never = [type(step).__name__ for step in rule.script[rule.applied :] if not isinstance(step, Ok)]
        if never and rule.probability is None:
            applied = (
                f"applied {rule.applied} of {len(rule.script)} times" if rule.applied else "never applied"
            )
            text = f"{rule.id}, ordered on {rule.on!r}, {applied}: {', '.join(never)} met no call"
            try:
                item.warn(UnusedFault(text))
            except UnusedFault:  # the run has made errors of warnings
                pytest.fail(text, pytrace=False)


def hold_to_contract(item: pytest.Item, failure: BaseException | None) -> None:
    """Fail the test, or note it on the failure it has, or warn, if a call it made left the recorded contract."""
    strictness, allowed = options.contract(item)
    watcher = item.config.stash.get(WATCHER, None)  # none where the stand-in runs elsewhere
    if strictness == "off" or watcher is None or not (found := watcher.verdict(allowed)):
        return
    text = item.stash[BREACHES] = "\n".join(["calls that the real service would reject:", *found])
    if strictness == "warn":
        warnings.warn(text, ContractWarning, stacklevel=2)
    elif failure is None:
        pytest.fail(text, pytrace=False)
    else:
        failure.add_note(text)


@contextmanager
def running(config: pytest.Config) -> Generator[Server]:
    """The stand-in of a run: its own, or the one that --fauxscale-url names. While it runs, none of the services it
    stands for can be reached, by fixtures of whatever scope; other hosts are the business of each test."""
    config.stash.setdefault(WITNESS, Witness())
    with _started(config) as server, guarded(config, server, others=True):
        yield server


@contextmanager
def _started(config: pytest.Config) -> Generator[Server]:
    url = config.getoption("--fauxscale-url")
    if url:
        remote = RemoteServer(str(url), config.getoption("--fauxscale-token"))
        with closing(remote.client):
            yield remote
    else:
        config.stash.setdefault(WATCHER, Watcher())
        with MockServer(Settings(key_policy="issued"), observer=config.stash[WATCHER]) as mock:
            yield mock


def totals(server: Server) -> Mapping[str, int]:
    """What the run came to on this server, with the live calls that were refused to no account in particular."""
    sums = server.client.totals()
    if isinstance(server, MockServer):  # elsewhere, others may have been refused theirs
        sums["refused"] = (
            sums.get("refused", 0) + server.client.call("GET", f"/accounts/{UNASSIGNED}/totals")["refused"]
        )
    return sums


@contextmanager
def tenancy(item: pytest.Item, server: Server, env: pytest.MonkeyPatch) -> Generator[Account]:
    """An account for one test, on the terms in force, with the guard on; real keys are out of sight."""
    account = _account(item, server)
    for name, key in _keys(server, account).items():
        if os.environ.get(name):
            env.setenv(name, key)
    try:
        with guarded(item.config, server, account.id):
            yield account
    finally:
        if account.id in server.client.opened:
            account.delete()


@contextmanager
def intercepted(
    config: pytest.Config, server: Server, account: Account, env: pytest.MonkeyPatch
) -> Generator[None]:
    """The real hosts, answered by the stand-in; clients that read their key from the environment find one."""
    for name, key in _keys(server, account).items():
        env.setenv(name, key)
    fence = _fence(config, server, routed=True)
    record = _record(config, server, account.id)
    with ExitStack() as closes:
        if isinstance(server, MockServer):
            target: AppTransport | Forward = server.transport()
        else:
            target = closes.enter_context(Forward(server.url))
        closes.enter_context(routed(target, server.providers, fence, record))
        yield


@contextmanager
def guarded(
    config: pytest.Config, server: Server, account_id: str = UNASSIGNED, *, others: bool = False
) -> Generator[None]:
    """No way out, or with `others` none to the services, unless the network is allowed; refusals go into the
    account's journal."""
    if options.network(config) == "allow":
        yield
    else:
        with guard(_fence(config, server, others=others), _record(config, server, account_id)):
            yield


def _record(config: pytest.Config, server: Server, account_id: str) -> Callable[[LiveCallRefused], None]:
    return config.stash[WITNESS].noting(account_id, recorder(server.client, account_id))


def _fence(config: pytest.Config, server: Server, *, routed: bool = False, others: bool = False) -> Fence:
    return fence_for(
        server.providers,
        server.url,
        reachable=[*options.reachable(config), urlsplit(server.url).hostname or ""],
        others=others or options.network(config) == "allow",
        routed=routed,
    )


def _account(item: pytest.Item, server: Server) -> Account:
    words: dict[str, object] = {**options.words_for(item)}
    api_version = words.pop("api_version", None)
    try:
        words["options"] = api_version_options(server.providers, api_version)
        return server.client.account(Terms.from_mapping(words), item.nodeid)
    except ValueError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def api_version_options(providers: Iterable[Provider], api_version: object) -> dict[str, Scalar]:
    """An API version as options of every provider that has it. ValueError if none has."""
    if api_version is None:
        return {}
    known = {
        one.name: option.choices
        for one in providers
        for option in one.options
        if option.name == "api_version"
    }
    chosen: dict[str, Scalar] = {
        f"{name}.api_version": str(api_version) for name, dates in known.items() if api_version in dates
    }
    if not chosen:
        dates = sorted({str(date) for choices in known.values() for date in choices})
        raise ValueError(f"no provider has the API version {api_version!r}: choose from {', '.join(dates)}")
    return chosen


def _keys(server: Server, account: Account) -> dict[str, str]:
    """The account's keys by the variables that clients read them from."""
    keys = {
        name: account.api_key(one.name)
        for one in server.providers
        for name, template in one.env.items()
        if template == "{key}"
    }
    # Services that share a dialect share variables: the base URL tells which of them an SDK is for, else the first.
    served = {one.name for one in server.providers}
    known = [one for one in profiles().by_name.values() if one.name in served]
    for one in sorted(known, key=_is_chosen, reverse=True):
        templates = {name: template for name, template in one.env.items() if "{key" in template}
        templates |= {name: template for name, template in one.env_if_set.items() if os.environ.get(name)}
        keys = one.filled(templates, "", account.api_key(one.name)) | keys
    return keys


def _is_chosen(profile: Profile) -> bool:
    """Whether a variable that holds a base URL in this environment leads to the provider."""
    places = [name for name, template in profile.env.items() if template == "{base_url}"]
    return any(profile.name in os.environ.get(name, "") for name in places)
