"""Compares a service's answers with the documentation, with recordings and with the stand-in's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fauxscale_contracts.contract.certainty import certainty
from fauxscale_contracts.contract.confidence import Confidence
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange, Reply
from fauxscale_contracts.contract.members import members
from fauxscale_contracts.contract.violations import Violation, brief
from fauxscale_contracts.profiles.pictures import decoded

Kind: TypeAlias = Literal["news", "additive", "risky", "breaking"]
# A client's view of an answer: kinds of values by JSON pointer (`*` is any item), headers included.
Shape: TypeAlias = dict[str, frozenset[str]]

KINDS: tuple[Kind, ...] = ("news", "additive", "risky", "breaking")
# Headers that clients use; the others differ between front ends.
_TELLING = re.compile(r"retry-after(-ms)?|x-ratelimit-.+|ratelimit.*|x-fal-.+|location")
_NUMBER = re.compile(r"/\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. Four members give each side's value at `pointer`; "" if a side has none. `used_by` names the
    clients that use the place, if usage was given.

    news: the contract had guessed, and now it is known. additive: something new that a tolerant client does not
    notice. risky: a client that relied on what was observed and never promised may fail. breaking: a client that
    relied on what is documented fails.
    """

    kind: Kind
    probe: str
    pointer: str
    message: str
    documented: str = ""
    recorded: str = ""
    stood_in: str = ""
    live: str = ""
    used_by: tuple[str, ...] = ()


def compare(
    contract: Contract,
    live: Mapping[str, Exchange],
    stood_in: Mapping[str, Exchange],
    recorded: Iterable[Exchange] = (),
) -> list[Difference]:
    """List every difference, the most serious first. `live` and `stood_in` are answers by probe."""
    kept = [one for one in recorded if one.reply is not None]
    found = [
        difference
        for probe, exchange in live.items()
        for difference in _probe(contract, probe, exchange, stood_in.get(probe), kept)
    ]
    lost = [
        Difference(
            "breaking", probe, "", "the reply has no link to a picture", stood_in="a link", live="none"
        )
        for probe in stood_in
        if probe not in live
    ]
    return by_gravity(found + lost)


def by_gravity(findings: Iterable[Difference]) -> list[Difference]:
    """Order findings, the most serious first."""
    return sorted(findings, key=lambda one: -KINDS.index(one.kind))


def gravest(findings: Iterable[Difference]) -> Kind | None:
    kinds: list[Kind] = [one.kind for one in findings]
    return max(kinds, key=KINDS.index, default=None)


def _probe(
    contract: Contract, probe: str, live: Exchange, stood_in: Exchange | None, recorded: list[Exchange]
) -> Iterator[Difference]:
    reply, expected = live.reply, stood_in.reply if stood_in else None
    if reply is None:
        return
    if expected is not None and expected.status != reply.status:
        documented = ", ".join(contract.operation(live.operation).answers)
        failed = (expected.status < 300) != (reply.status < 300)
        sure = certainty(contract.operation(live.operation), expected.status, "/status")
        message = f"the status is {reply.status}, not {expected.status}"
        sides = documented, _statuses(recorded, live), str(expected.status), str(reply.status)
        yield Difference(graded("breaking" if failed else "risky", sure), probe, "/status", message, *sides)
        expected = None
    now = shape(reply)
    before = shape(expected) if expected else {}
    then = _union(shape(one.reply) for one in recorded if one.reply and _alike(one, live))
    # Other pictures have other sizes: recorded sizes say nothing about the probe's.
    then.pop("/picture", None)
    seen: set[str] = set()
    # An exchange without an operation is a picture from a reply that was checked itself.
    for violation in contract.check_response(live) if live.operation else ():
        place = _NUMBER.sub("/*", violation.pointer)
        if place in seen:
            continue
        seen.add(place)
        sides = violation.rule, _kinds_at(then, place), _kinds_at(before, place), _kinds_at(now, place)
        yield Difference(_kind(contract, live, violation), probe, place, brief(violation.message), *sides)
    for place in sorted({*now, *before, *then}):
        known = before.get(place, frozenset()) | then.get(place, frozenset())
        here = now.get(place, frozenset())
        if place in seen or here == known or (here and here <= known):
            continue
        if any(place.startswith(f"{other}/") for other in seen):
            continue  # the element around it is missing or new, and was reported
        seen.add(place)
        sides = "allowed", _kinds_at(then, place), _kinds_at(before, place), _kinds_at(now, place)
        yield _compared(probe, place, here, known, sides, compared=bool(before or then))


def _compared(
    probe: str,
    place: str,
    here: frozenset[str],
    known: frozenset[str],
    sides: tuple[str, str, str, str],
    *,
    compared: bool,
) -> Difference:
    if not known:
        if not compared:
            return Difference("news", probe, place, "was not compared", *sides)
        return Difference("additive", probe, place, "is unknown to the mock server", *sides)
    if place == "/picture" and here:
        return Difference("breaking", probe, place, "the picture is different", *sides)
    # A value that only the stand-in has was its own guess; one in a recording was observed.
    kind: Kind = "risky" if sides[1] else "news"
    message = "has a different type of value" if here else "is missing, but no contract promised it"
    return Difference(kind, probe, place, message, *sides)


def _kind(contract: Contract, live: Exchange, violation: Violation) -> Kind:
    """Grade a violation by its rule, and by the contract's certainty of that place."""
    rule = violation.rule.partition(" ")[0]
    body = violation.pointer.startswith("/body") or violation.pointer == "/headers/content-type"
    grave = body and rule in ("required", "type", "content", "picture", "format")
    assert live.reply is not None  # the check was of the reply
    sure = certainty(contract.operation(live.operation), live.reply.status, violation.pointer)
    return graded("additive" if rule == "known" else "breaking" if grave else "risky", sure)


def graded(kind: Kind, sure: Confidence) -> Kind:
    """A violation of a guess breaks no promise; one of an observation is at most a risk."""
    if sure == "guess":
        return "news"
    most = KINDS.index("risky") if sure == "observed" else len(KINDS)
    return KINDS[min(KINDS.index(kind), most)]


def shape(reply: Reply) -> Shape:
    """Reduce an answer to a client's view of it, without values."""
    found: dict[str, set[str]] = {}
    for name, _ in reply.headers:
        if _TELLING.fullmatch(name.lower()):
            found.setdefault(f"/headers/{name.lower()}", set()).add("present")
    media_type = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    found["/headers/content-type"] = {media_type or "none"}
    if media_type.startswith("image/"):
        found["/picture"] = {_looks(reply.body)}
    else:
        for pointer, kind in members(reply.body):
            found.setdefault(pointer, set()).add(kind)
    return {pointer: frozenset(kinds) for pointer, kinds in found.items()}


def _looks(data: bytes) -> str:
    image = decoded(data)
    return "no picture" if image is None else f"{image.format} {image.width}x{image.height}"


def _alike(one: Exchange, other: Exchange) -> bool:
    """Whether a recorded exchange may be compared with a probe: same operation, same status."""
    same = one.operation == other.operation and one.reply is not None and other.reply is not None
    return same and one.reply.status == other.reply.status  # type: ignore[union-attr]  # both are there


def _statuses(recorded: list[Exchange], live: Exchange) -> str:
    found = {one.reply.status for one in recorded if one.reply and one.operation == live.operation}
    return ", ".join(map(str, sorted(found)))


def _union(shapes: Iterable[Shape]) -> Shape:
    found: Shape = {}
    for one in shapes:
        for pointer, kinds in one.items():
            found[pointer] = found.get(pointer, frozenset()) | kinds
    return found


def _kinds_at(seen: Shape, pointer: str) -> str:
    return " or ".join(sorted(seen.get(pointer, ())))
