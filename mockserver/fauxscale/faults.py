"""What goes wrong, when a test asks for it: small values whose fields are their JSON, and the plan that deals them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import ClassVar, Literal, Protocol

from .errors import ApiError, Problem
from .store import Store

Stage = Literal["call", "outcome", "reply", "download"]
# call: before limits and work · outcome: the work's results, before they are worded · reply: work done and
# charged, the worded reply on its way · download: a read of a link.


class Scene(Protocol):
    """What a fault may do to the call it strikes."""

    async def wait(self, seconds: float) -> None: ...

    def flag(self, name: str) -> None:
        """Ask the work's outcome to come out differently; see `Outcome`."""
        ...


class Fault(Protocol):
    """One thing that can go wrong. Its dataclass fields are its JSON."""

    stage: ClassVar[Stage]
    combines: ClassVar[bool]  # True: leaves room for another fault on the same call

    async def strike(self, scene: Scene) -> None: ...


_PROBLEMS: Mapping[int, Problem] = {
    400: Problem.INVALID_PARAMETER,
    401: Problem.INVALID_KEY,
    402: Problem.NO_FUNDS,
    403: Problem.INVALID_KEY,
    404: Problem.NOT_FOUND,
    405: Problem.WRONG_METHOD,
    408: Problem.TIMEOUT,
    413: Problem.FILE_TOO_LARGE,
    415: Problem.WRONG_CONTENT_TYPE,
    422: Problem.UNSAFE,
    429: Problem.RATE_LIMITED,
    502: Problem.UPSTREAM_ERROR,
    503: Problem.UNAVAILABLE,
    504: Problem.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with an error of this status, in the provider's own envelope. `retry_after` in seconds."""

    status: int
    retry_after: float | None = None
    message: str | None = None

    stage: ClassVar[Stage] = "call"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise ValueError(f"Fail wants a status from 400 to 599, got {self.status}")

    async def strike(self, scene: Scene) -> None:
        problem = _PROBLEMS.get(self.status)
        if problem is None:
            problem = Problem.SERVER_ERROR if self.status >= 500 else Problem.INVALID_PARAMETER
        raise ApiError(
            problem,
            self.message or "",
            reason=f"ordered: Fail({self.status})",
            status=self.status,
            retry_after=self.retry_after,
            details={"ordered": True},
        )


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer this many real seconds later."""

    seconds: float

    stage: ClassVar[Stage] = "call"
    combines: ClassVar[bool] = True

    async def strike(self, scene: Scene) -> None:
        await scene.wait(self.seconds)


@dataclass(frozen=True, slots=True)
class UnsafeImage:
    """Judge the picture unsafe: as an error (`refuse`), or in a 200 with no link and the safety flag down."""

    refuse: bool = False

    stage: ClassVar[Stage] = "outcome"
    combines: ClassVar[bool] = False

    async def strike(self, scene: Scene) -> None:
        scene.flag("refuse" if self.refuse else "unsafe")


@dataclass(frozen=True, slots=True)
class Ok:
    """Nothing goes wrong: a step of a script that lets one call pass."""

    stage: ClassVar[Stage] = "call"
    combines: ClassVar[bool] = False

    async def strike(self, scene: Scene) -> None:
        return None


KINDS: tuple[type[Fault], ...] = (Fail, Delay, UnsafeImage, Ok)


@dataclass(frozen=True, slots=True)
class Rule:
    """When faults strike: one step for each matching call, in order, `times` rounds of them (None: for ever).

    `on` is an operation or a pattern (`ideogram.*`, `*`, `*.download`); the first `after` matching calls are
    left alone; with a `probability` each call is struck only so often, by the account's own seeded dice.
    """

    id: str
    steps: tuple[Fault, ...]
    on: str = "*"
    times: int | None = 1
    after: int = 0
    probability: float | None = None

    @property
    def total(self) -> int | None:
        return None if self.times is None else self.times * len(self.steps)

    def covers(self, operation: str, leg: str) -> bool:
        downloads = self.steps[0].stage == "download"
        return downloads == (leg == "download") and (
            fnmatchcase(operation, self.on) or (downloads and fnmatchcase(operation, f"{self.on}.download"))
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A fault dealt to one call. Not delivered, it goes back to the plan."""

    rule: str
    fault: Fault
    magic: bool = field(default=False)


class Plan:
    """The faults ordered for one account."""

    _MOST = 10_000

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._rules = f"{prefix}rules"
        self._counts = f"{prefix}rule:"

    async def add(self, rule: Rule) -> Rule:
        number = await self._store.add(f"{self._counts}made", 1)
        rule = replace(rule, id=f"fault_{number}")
        await self._store.append(
            self._rules, rule_to_json(rule), most=self._MOST, most_bytes=16 * 1024 * 1024
        )
        return rule

    async def remove(self, rule_id: str) -> bool:
        """Take one rule back; False if there is none of that id."""
        if rule_id not in [rule.id for rule, _ in await self.rules()]:
            return False
        await self._store.put(f"{self._counts}{rule_id}:removed", b"1")
        return True

    async def clear(self) -> None:
        await self._store.delete(self._rules)

    async def rules(self) -> list[tuple[Rule, int]]:
        """Every rule with how often it has struck, in the order in which they were added."""
        found: list[tuple[Rule, int]] = []
        for row in await self._store.items(self._rules):
            rule = rule_from_json(row)
            if await self._store.get(f"{self._counts}{rule.id}:removed") is None:
                found.append((rule, await self._store.count(f"{self._counts}{rule.id}:struck") or 0))
        return found

    async def deal(self, operation: str, leg: str, roll: Callable[[], Awaitable[float]]) -> list[Order]:
        """The faults this call gets: the first rule that still has one to give, and any that combine with it.

        `roll` gives a number from 0 to 1; it is asked only by rules with a probability, so that adding a
        counted fault moves no other draw.
        """
        dealt: list[Order] = []
        full = False
        for row in await self._store.items(self._rules):
            rule = rule_from_json(row)
            if not rule.covers(operation, leg) or (full and not rule.steps[0].combines):
                continue
            order = await self._deal_one(rule, roll)
            if order is not None:
                dealt.append(order)
                full = full or not order.fault.combines
        return dealt

    async def _deal_one(self, rule: Rule, roll: Callable[[], Awaitable[float]]) -> Order | None:
        counter = f"{self._counts}{rule.id}"
        if await self._store.get(f"{counter}:removed") is not None:
            return None
        if rule.after and await self._store.add(f"{counter}:seen", 1, most=rule.after) is not None:
            return None
        if rule.probability is not None and await roll() >= rule.probability:
            return None
        struck = await self._store.add(f"{counter}:struck", 1, most=rule.total)
        if struck is None:
            return None
        return Order(rule.id, rule.steps[(struck - 1) % len(rule.steps)])

    async def give_back(self, order: Order) -> None:
        """The call ended before this fault could strike: the next matching call gets it."""
        if not order.magic:
            await self._store.add(f"{self._counts}{order.rule}:struck", -1, least=0)


def to_json(fault: Fault) -> dict[str, object]:
    """`{"fault": "Fail", "status": 429}`; members that stand at their default are left out."""
    values = {
        one.name: getattr(fault, one.name)
        for one in fields(fault)  # type: ignore[arg-type]  # every kind is a dataclass; the protocol cannot say so
        if getattr(fault, one.name) != one.default
    }
    return {"fault": type(fault).__name__, **values}


def from_json(words: Mapping[str, object], kinds: Iterable[type[Fault]] = KINDS) -> Fault:
    """The fault that JSON words order. Raises ValueError that says what is known."""
    known = {kind.__name__: kind for kind in kinds}
    kind = known.get(str(words.get("fault")))
    if kind is None:
        raise ValueError(f"unknown fault {words.get('fault')!r}: choose from {', '.join(sorted(known))}")
    members = {name: value for name, value in words.items() if name != "fault"}
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]  # as above
    if unknown := sorted(set(members) - set(names)):
        raise ValueError(f"{kind.__name__} has no {unknown[0]!r}: it has {', '.join(names) or 'no members'}")
    try:
        return kind(**members)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {str(error).partition('__init__() ')[2] or error}") from None


def rule_to_json(rule: Rule) -> bytes:
    words = asdict(rule) | {"steps": [to_json(step) for step in rule.steps]}
    return json.dumps(words).encode()


def rule_from_json(row: bytes) -> Rule:
    words = json.loads(row)
    return Rule(**words | {"steps": tuple(from_json(step) for step in words["steps"])})


def magic(prompt: str) -> Fault | None:
    """The fault a prompt orders for its own call, `a cat fauxscale:429`: for people without a control call.

    A status, `unsafe` (an error), `unsafe-200` (a quiet one), `slow=SECONDS`. Unknown words order nothing.
    """
    word = prompt.partition("fauxscale:")[2].split(maxsplit=1)[0:1]
    if not word:
        return None
    name, _, value = word[0].rstrip(".,;!?)\"'").partition("=")
    if len(name) == 3 and name.isdigit() and 400 <= int(name) <= 599:
        return Fail(int(name))
    if name == "unsafe":
        return UnsafeImage(refuse=True)
    if name == "unsafe-200":
        return UnsafeImage()
    if name == "slow":
        try:
            return Delay(min(float(value or 1), 300.0))
        except ValueError:
            return None
    return None
