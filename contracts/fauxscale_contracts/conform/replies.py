"""Replies out of a contract, served to a client: it returns the picture or fails cleanly, whatever it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fauxscale import Body, MockServer
from fauxscale_contracts.boundaries import Mode, boundary_responses
from fauxscale_contracts.violations import brief

from .candidate import Candidate, Made, Task
from .judge import Facts, Finding, Verdict, judge
from .pictures import picture
from .scenario import Expect
from .stage import Stage

MODES: tuple[Mode, ...] = ("valid", "additive", "hostile")
# Provider: the operation whose reply carries the result, and the pattern of all that do.
CARRIERS: Mapping[str, tuple[str, str]] = {
    "ideogram": ("ideogram.upscale", "ideogram.upscale"),
    "aigateway": ("aigateway.edits", "aigateway.[eg]*"),
    "lumenfall": ("lumenfall.edits", "lumenfall.[eg]*"),
    "fal": ("fal.result", "fal.r[eu]*"),
}
_EXPECT = Expect(outcome="either", calls=(0, 1_000_000), charges=1_000_000)
_SAID = "must return the picture or fail cleanly"


def boundary_replies(provider: str, vintage: str | None = None) -> list[tuple[str, Any]]:
    """Every reply of the boundary set, with an id that stays: `valid:data=none`."""
    carrier, _ = CARRIERS[provider]
    return [
        (f"{mode}:{name}", body)
        for mode in MODES
        for name, body in boundary_responses(carrier, mode=mode, vintage=vintage)
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
                f"the client cannot enlarge a picture when nothing goes wrong: {made.ending} {made.said}"
            )
        self._link = links[-1].url
        self._good = b"" if _judged(made, self._task.image) else made.picture
        return self

    def __exit__(self, *_: object) -> None:
        self._account.delete()

    def play(self, name: str, body: Any) -> Finding:
        """What the client makes of this body."""
        faults, seen = self._serve(body)
        return _finding(name, faults, seen)

    def fuzz(self, mode: Mode, examples: int, vintage: str | None = None) -> Finding:
        """What it makes of so many generated bodies, the same in every run; the first it breaks at is told."""
        from hypothesis import HealthCheck, Phase, given, settings

        from fauxscale_contracts.strategies import responses

        bad: list[Finding] = []
        name = f"{mode}:generated"

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(responses(self._carrier, mode=mode, vintage=vintage, link=self._link))
        def run(body: Any) -> None:
            if bad:
                return
            faults, seen = self._serve(body)
            if faults:
                bad.append(_finding(name, faults, f"{seen}; the reply was {brief(json.dumps(body), 300)}"))

        run()
        return bad[0] if bad else _finding(name, [], f"{examples} replies")

    def _serve(self, body: Any) -> tuple[list[str], str]:
        self._account.faults.add(Body(json=_at_home(body, self._link)), on=self._pattern, times=None)
        made = self._candidate.run(self._task)
        self._account.faults.clear()
        seen = made.ending + (f" ({made.said})" if made.said else "")
        if made.ending == "returned" and made.picture == self._good:
            return [], seen  # that picture has been looked at
        return _judged(made, self._task.image), seen


class Unready(Exception):
    """The client does not get through a call in which nothing goes wrong, so that no reply tells anything."""


def _judged(made: Made, image: bytes) -> list[str]:
    return judge(_EXPECT, Facts((made,), (image,), 0, frozenset(), (), 0, 0, {}, {}))


def _finding(name: str, faults: list[str], seen: str) -> Finding:
    verdict: Verdict = "fell short" if faults else "held"
    return Finding(f"reply-{name}", verdict, _SAID, seen, tuple(faults))


def _at_home(value: Any, link: str) -> Any:
    """The body with every address in it turned into one of this server: no client is sent elsewhere."""
    if isinstance(value, dict):
        return {name: _at_home(one, link) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_at_home(one, link) for one in cast("Sequence[Any]", value)]
    return link if isinstance(value, str) and "://" in value else value
