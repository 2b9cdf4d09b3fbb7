"""Serves a client replies made from the contract: it must return the picture or fail cleanly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from fauxscale import Body, MockServer
from fauxscale.errors import FauxscaleError
from fauxscale_contracts.contract.curl import curl_for_reply
from fauxscale_contracts.contract.violations import brief
from fauxscale_contracts.generate.boundaries import Mode, boundary_responses
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.profile import Task

from .candidate import LIMIT, Candidate, ClientResult
from .scenario import Expect
from .stage import Stage, finding_of, gather_facts, task_of
from .verdicts import Facts, Finding, Measured, Verdict, evaluate

_MODES: tuple[Mode, ...] = ("valid", "additive", "hostile")
_EXPECT = Expect(outcome="either", calls=(0, 1_000_000), charges=1_000_000)
_DOES: Mapping[Task, str] = {
    "upscale": "enlarge a picture",
    "generate": "have a picture drawn",
    "edit": "have a picture edited",
    "describe": "have a picture described",
}
# The address in all generated replies until they are served; `.invalid` never resolves (RFC 2606).
_LINK = "https://media.invalid/picture.png"


def boundary_replies(
    provider: str, api_version: str | None = None, operation: str = ""
) -> list[tuple[str, Any]]:
    """List every reply of the boundary set, with an id that does not change: `valid:data=none`."""
    replied = profile(provider, operation).results.operation
    return [
        (f"{mode}:{name}", body)
        for mode in modes(provider, operation)
        for name, body in boundary_responses(replied, mode=mode, api_version=api_version)
    ]


def modes(provider: str, operation: str = "") -> tuple[Mode, ...]:
    """The modes of replies that a provider's clients can get: none if the reply is the picture itself."""
    return () if profile(provider, operation).results.carrier == "body" else _MODES


class Replies:
    """Serves one body after another to a client. A context manager: it has an account while it is open.

    Entering makes one call without faults, and every link in every body leads to its picture; raises
    ClientNotWorking if that call fails.
    """

    def __init__(
        self,
        mock: MockServer,
        provider: str,
        candidate: Candidate,
        *,
        limit: float = LIMIT,
        operation: str = "",
    ) -> None:
        self._mock = mock
        self._candidate = candidate
        self._limit = limit
        self._profile = profile(provider, operation)

    def __enter__(self) -> Replies:
        self._account = self._mock.account()
        endpoint = Stage(self._mock, self._profile.name, self._candidate).endpoint(self._account)
        self._task = task_of(self._profile, endpoint, self._limit)
        made = self._candidate.run(self._task)
        links = self._account.links.list()
        linked = self._profile.results.carrier == "link"
        if made.picture is None or (linked and not links):
            self._account.delete()
            raise ClientNotWorking(
                f"the client cannot {_DOES[self._profile.task]} even when nothing goes wrong: "
                f"{made.ending} {made.said}".rstrip()
            )
        self._link = links[-1].url if links else ""
        self._good = b"" if self._faults(made) else made.picture
        return self

    def __exit__(self, *_: object) -> None:
        self._account.delete()

    def play(self, name: str, body: Any, expect: Expect | None = None) -> Finding:
        """Serve this body and judge the client; `expect` sets the right outcome, where otherwise either is right."""
        return self._serve(f"reply-{name}", body, expect)

    def fuzz(
        self, mode: Mode, examples: int, api_version: str | None = None, expect: Expect | None = None
    ) -> Finding:
        """Serve so many generated bodies, the same in every run; the finding is about the first at which the client
        fails."""
        from hypothesis import HealthCheck, Phase, given, settings

        from fauxscale_contracts.generate.strategies import responses

        bad: list[Finding] = []
        name = f"reply-{mode}:generated"
        notes: dict[str, None] = {}

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(responses(self._profile.results.operation, mode=mode, api_version=api_version, link=_LINK))
        def run(body: Any) -> None:
            if bad:
                return
            finding = self._serve(name, body, expect)
            notes.update(dict.fromkeys(finding.notes))
            if finding.faults:
                bad.append(finding)

        run()
        staged = f"{examples} generated replies"
        return bad[0] if bad else Finding(name, "PASS", staged, expect, "none broke it", notes=tuple(notes))

    def _serve(self, name: str, body: Any, expect: Expect | None) -> Finding:
        if expect is not None:
            self._account.reset("calls", "ledger")
        self._account.faults.add(Body(json=_at_home(body, self._link)), on=self._profile.replies, times=None)
        made = self._candidate.run(self._task)
        self._account.faults.clear()
        if self._profile.results.carrier == "text" and _tells(body, made.picture):
            made = replace(made, picture=self._good)  # the reply's statement is right, whatever the picture
        staged = f"200 with {brief(json.dumps(body), 300)}"
        again = curl_for_reply(self._profile.replies, body)
        if expect is not None:
            seen = gather_facts(self._account, expect, (made,), (self._task,), {}, self._profile)
            return replace(finding_of(name, staged, expect, seen), again=again)
        # Calls and charges are not read, which would take longer than the call. The returned picture is usually one
        # that has been checked.
        known = made.ending == "returned" and made.picture == self._good
        faults = () if known else tuple(self._faults(made))
        verdict: Verdict = "FAIL" if faults else "PASS"
        measured = Measured((made.ending,))
        return Finding(name, verdict, staged, None, str(made), faults, 0.0, made.notes, measured, again=again)

    def _faults(self, made: ClientResult) -> list[str]:
        task, profile = self._task, self._profile
        facts = Facts(
            (made,),
            (task.image,),
            0,
            frozenset(),
            (),
            0,
            0,
            {},
            task.options,
            profile.scale,
            profile.task,
            (task.mask,),
        )
        return evaluate(_EXPECT, facts)


class ClientNotWorking(FauxscaleError):
    """Raised if the client fails in a call without any fault, so that replies would show nothing."""


def _tells(body: Any, saved: bytes | None) -> bool:
    """Whether a saved text is in a reply."""
    if isinstance(body, dict):
        body = list(cast("Mapping[str, Any]", body).values())
    if isinstance(body, list):
        return any(_tells(one, saved) for one in cast("Sequence[Any]", body))
    return (
        isinstance(body, str) and saved is not None and saved.strip() == body.encode(errors="replace").strip()
    )


def _at_home(value: Any, link: str) -> Any:
    """Replace every address in a body by one of this server, so that no client calls another host."""
    if isinstance(value, dict):
        return {name: _at_home(one, link) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_at_home(one, link) for one in cast("Sequence[Any]", value)]
    return link if isinstance(value, str) and "://" in value else value
