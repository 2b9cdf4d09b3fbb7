"""A test class with a test for each scenario: subclass it and define how to call your Python client."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from fauxscale import MockServer
from fauxscale.interception.guard import LiveCallRefused, guard
from fauxscale.interception.intercept import policy_for
from fauxscale.spelling import choose_from
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.generate.boundaries import Mode
from fauxscale_contracts.profiles.installed import profile, profiles
from fauxscale_contracts.profiles.loading import load

from .advice import explain
from .candidate import LIMIT, Endpoint
from .dates import CURRENT, LISTS
from .expectations import expected_in
from .function import Function
from .replies import Replies, boundary_replies, modes
from .scenario import Expect, Scenario
from .scenarios import scenarios
from .selection import matches, unmatched
from .stage import Stage, open_server
from .verdicts import Finding


class ClientConformance:
    """Tests one client in every scenario of a provider, and with replies made of its contract.

        class TestMyClient(ClientConformance):
            provider = "ideogram"

            def upscale(self, endpoint, image, **options):
                return MyClient(endpoint.base_url, endpoint.api_key).upscale(image, **options)

    `failures`: the exceptions by which the client says that it failed; None: all but those of a client taken
    by surprise (KeyError, TypeError, …). `expected`: what it must do instead, by id of a scenario or reply.
    `xfail`: a reason for each it is known to fail in; ids may be patterns in both. `limit`: seconds for one
    picture. `fuzz`: how many generated replies of each mode it is served, 0 for none, not even the boundary set.
    `scenarios`: the date of the list of scenarios.
    `operation`: the list for another kind of client, which is called by generate(), edit() or describe() then.
    """

    provider: ClassVar[str]
    operation: ClassVar[str] = ""
    api_version: ClassVar[str | None] = None
    scenarios: ClassVar[str] = CURRENT
    failures: ClassVar[tuple[type[BaseException], ...] | None] = None
    expected: ClassVar[Mapping[str, Expect]] = {}
    xfail: ClassVar[Mapping[str, str]] = {}
    limit: ClassVar[float] = LIMIT
    fuzz: ClassVar[int] = 100

    _mock: ClassVar[MockServer]
    _refused: ClassVar[list[LiveCallRefused]]
    _closes: ClassVar[ExitStack]

    def upscale(self, endpoint: Endpoint, image: bytes, **options: Any) -> bytes:
        """Let the client under test enlarge `image`; raise if the client reports a failure."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define how to call the client: define upscale()"
        )

    def generate(self, endpoint: Endpoint, **options: Any) -> bytes:
        """Let the client under test generate a picture from `options["prompt"]`; if it gets several, return one."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define how to call the client: define generate()"
        )

    def edit(self, endpoint: Endpoint, image: bytes, mask: bytes, **options: Any) -> bytes:
        """Let the client under test edit `image` where `mask` is black."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define how to call the client: define edit()"
        )

    def describe(self, endpoint: Endpoint, image: bytes, **options: Any) -> str:
        """Let the client under test describe `image`."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define how to call the client: define describe()"
        )

    @classmethod
    def setup_class(cls) -> None:
        cls._refused = []
        with ExitStack() as closes:
            cls._mock = closes.enter_context(open_server(cls.provider, cls.api_version))
            # A client with the real address built in would pay, a hundred times.
            policy = policy_for(cls._mock.providers, cls._mock.url, others=True)
            closes.enter_context(guard(policy, cls._refused.append))
            cls._closes = closes.pop_all()

    @classmethod
    def teardown_class(cls) -> None:
        cls._closes.close()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each scenario, reply and mode: collecting them starts no server."""
        self._check()
        if "scenario" in metafunc.fixturenames:
            cases = [
                self._case(one.id, one) for one in scenarios(self.provider, self.operation, self.scenarios)
            ]
            metafunc.parametrize("scenario", cases)
        if "reply" in metafunc.fixturenames:
            named = boundary_replies(self.provider, self.api_version, self.operation) if self.fuzz else []
            metafunc.parametrize("reply", [self._case(f"reply-{name}", (name, body)) for name, body in named])
        if "mode" in metafunc.fixturenames:
            served = modes(self.provider, self.operation) if self.fuzz else ()
            metafunc.parametrize("mode", [self._case(f"reply-{mode}:generated", mode) for mode in served])

    def test_scenario(self, scenario: Scenario) -> None:
        stage = Stage(self._mock, self.provider, self._function(), limit=self.limit, operation=self.operation)
        self._report(stage.play(scenario, self._expected(scenario.id)))

    def test_boundary_reply(self, reply: tuple[str, Any]) -> None:
        with self._replies() as replies:
            self._report(replies.play(*reply, self._expected(f"reply-{reply[0]}")))

    def test_generated_replies(self, mode: Mode) -> None:
        with self._replies() as replies:
            expect = self._expected(f"reply-{mode}:generated")
            self._report(replies.fuzz(mode, self.fuzz, self.api_version, expect))

    @classmethod
    def _check(cls) -> None:
        """Fail the collection of a class with invalid declarations."""
        provider: str = getattr(cls, "provider", "")
        wrong: list[str] = []
        known = profiles().by_name
        if provider not in known:
            said = f"provider = {provider!r}" if provider else "no provider"
            wrong.append(f"{said}{choose_from(provider, known)}")
        else:
            try:
                load(provider, api_version=cls.api_version)
            except ContractError as error:
                wrong.append(str(error))
            if cls.operation and cls.operation not in known[provider].operations:
                lists = ", ".join(known[provider].operations) or "none"
                operation = f"operation = {cls.operation!r}: {provider} has {lists}"
                raise pytest.Collector.CollectError(f"{cls.__name__}: {operation}")
            for name, table in (("expected", cls.expected), ("xfail", cls.xfail)):
                wrong += [f"{name}: {one}" for one in unmatched(provider, table, cls.operation)]
        if cls.scenarios not in LISTS:
            wrong.append(f"scenarios = {cls.scenarios!r}{choose_from(cls.scenarios, LISTS)}")
        if not 0 < cls.limit < math.inf:
            wrong.append(f"limit = {cls.limit}: expected a number of seconds")
        if cls.fuzz < 0:
            wrong.append(f"fuzz = {cls.fuzz}: expected a number of replies")
        if wrong:
            raise pytest.Collector.CollectError("\n".join(f"{cls.__name__}: {one}" for one in wrong))

    def _function(self) -> Function:
        return Function(getattr(self, profile(self.provider, self.operation).task), self.failures)

    def _replies(self) -> Replies:
        return Replies(
            self._mock, self.provider, self._function(), limit=self.limit, operation=self.operation
        )

    def _expected(self, name: str) -> Expect | None:
        return expected_in(self.expected, name)

    def _case(self, name: str, value: object) -> Any:
        reason = next((why for gap, why in self.xfail.items() if matches(name, gap)), None)
        marks = () if reason is None else (pytest.mark.xfail(reason=reason, strict=True),)
        return pytest.param(value, id=name, marks=marks)

    def _report(self, finding: Finding) -> None:
        if refused := {one.refusal.host for one in self._refused}:
            self._refused.clear()
            pytest.fail(
                f"{finding.id}: the client called {', '.join(sorted(refused))}, not the address that it was given. "
                "The call was stopped. Let it use endpoint.base_url",
                pytrace=False,
            )
        if finding.verdict == "not run":
            pytest.skip(finding.seen)
        if finding.faults:
            told = explain(finding)
            pytest.fail("\n".join([f"{finding.id}: {told.happened}", *told.lines()]), pytrace=False)
