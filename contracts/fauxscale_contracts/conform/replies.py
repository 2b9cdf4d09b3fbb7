"""Replies out of a contract, served to a client: it returns the picture or fails cleanly, whatever it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from fauxscale import Body, MockServer
from fauxscale_contracts.contract.violations import brief
from fauxscale_contracts.generate.boundaries import Mode, boundary_responses

from .candidate import Candidate, Made, Task
from .judge import Facts, Finding, Verdict, judge
from .sample_images import picture
from .scenario import Expect
from .stage import Stage, found, witness

MODES: tuple[Mode, ...] = ("valid", "additive", "hostile")
# Provider: the operation whose reply carries the result, and the pattern of all that do.
CARRIERS: Mapping[str, tuple[str, str]] = {
    "ideogram": ("ideogram.upscale", "ideogram.upscale"),
    "aigateway": ("aigateway.edits", "aigateway.[eg]*"),
    "lumenfall": ("lumenfall.edits", "lumenfall.[eg]*"),
    "fal": ("fal.result", "fal.r[eu]*"),
}
_EXPECT = Expect(outcome="either", calls=(0, 1_000_000), charges=1_000_000)
EITHER = "must return the picture or fail cleanly"


def boundary_replies(provider: str, api_version: str | None = None) -> list[tuple[str, Any]]:
    """Every reply of the boundary set, with an id that stays: `valid:data=none`."""
    carrier, _ = CARRIERS[provider]
    return [
        (f"{mode}:{name}", body)
        for mode in MODES
        for name, body in boundary_responses(carrier, mode=mode, api_version=api_version)
    ]


class Replies:
    """Serves one body after another to a client. A context manager: it has an account while it is open.

    Entering plays one honest call, whose picture every link in every body leads to; Unready when that fails.
    """

    def __init__(self, mock: MockServer, provider: str, candidate: Candidate, *, limit: float = 10.0) -> None:
        self._mock = mock
        self._provider = provider
        self._candidate = candidate
        self._limit = limit
        self._carrier, self._pattern = CARRIERS[provider]

    def __enter__(self) -> Replies:
        self._account = self._mock.account()
        endpoint = Stage(self._mock, self._provider, self._candidate).endpoint(self._account)
        self._task = Task(endpoint, picture("png-rgb"), limit=self._limit)
        made = self._candidate.run(self._task)
        links = self._account.links.list()
        if made.picture is None or not links:
            self._account.delete()
            raise Unready(
                f"the client cannot enlarge a picture when nothing goes wrong: {made.ending} {made.said}".rstrip()
            )
        self._link = links[-1].url
        self._good = b"" if _judged(made, self._task.image) else made.picture
        return self

    def __exit__(self, *_: object) -> None:
        self._account.delete()

    def play(self, name: str, body: Any, expect: Expect | None = None) -> Finding:
        """What the client makes of this body; `expect` declares what is right instead of either outcome."""
        return self._serve(f"reply-{name}", body, expect)

    def fuzz(
        self, mode: Mode, examples: int, api_version: str | None = None, expect: Expect | None = None
    ) -> Finding:
        """What it makes of so many generated bodies, the same in every run; the first it breaks at is told."""
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
        @given(responses(self._carrier, mode=mode, api_version=api_version, link=self._link))
        def run(body: Any) -> None:
            if bad:
                return
            finding = self._serve(name, body, expect)
            notes.update(dict.fromkeys(finding.notes))
            if finding.faults:
                seen = f"{finding.seen}; the reply was {brief(json.dumps(body), 300)}"
                bad.append(replace(finding, seen=seen))

        run()
        good = Finding(name, "held", _said(expect), f"{examples} replies", notes=tuple(notes))
        return bad[0] if bad else good

    def _serve(self, name: str, body: Any, expect: Expect | None) -> Finding:
        if expect is not None:
            self._account.reset("calls", "ledger")
        self._account.faults.add(Body(json=_at_home(body, self._link)), on=self._pattern, times=None)
        made = self._candidate.run(self._task)
        self._account.faults.clear()
        if expect is not None:
            return found(name, expect, witness(self._account, expect, (made,), (self._task.image,), {}))
        # Not asked how often it called and paid, which would take longer than the call. What is returned mostly
        # is a picture that has been looked at.
        known = made.ending == "returned" and made.picture == self._good
        faults = () if known else tuple(_judged(made, self._task.image))
        verdict: Verdict = "fell short" if faults else "held"
        return Finding(name, verdict, _said(None), str(made), faults, notes=made.notes)


class Unready(Exception):
    """The client does not get through a call in which nothing goes wrong, so that no reply tells anything."""


def _judged(made: Made, image: bytes) -> list[str]:
    return judge(_EXPECT, Facts((made,), (image,), 0, frozenset(), (), 0, 0, {}, {}))


def _said(expect: Expect | None) -> str:
    return EITHER if expect is None else str(expect)


def _at_home(value: Any, link: str) -> Any:
    """The body with every address in it turned into one of this server: no client is sent elsewhere."""
    if isinstance(value, dict):
        return {name: _at_home(one, link) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_at_home(one, link) for one in cast("Sequence[Any]", value)]
    return link if isinstance(value, str) and "://" in value else value
