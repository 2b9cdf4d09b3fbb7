"""Answers from a recording: the same replies, pictures under fresh links, charged as if the work were done."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fauxscale.bodies.reader import read_body
from fauxscale.dispatch.provider import Call, link, origin
from fauxscale.dispatch.request_body import Intake
from fauxscale.dispatch.responses import PictureResponse
from fauxscale.dispatch.routing import Match
from fauxscale.images.recipe import AsStored, Recipe
from fauxscale.operations.performing import link_life
from fauxscale.state.ledger import Charge, digest_of
from fauxscale.state.link import Link

from .index import LINK, RecordedReplies, RecordedReply, RecordedResult, question

_PLAIN = (
    string.punctuation + " "
)  # characters of a file name that a header can contain, besides letters and digits
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")


class Replay:
    """Answers recorded requests, and leaves all others to the real handler.

    Repeated requests are answered in the order recorded, separately for each account; the last answer repeats.
    Resetting an account's seed begins again with the first.
    """

    def __init__(self, replies: RecordedReplies) -> None:
        self._replies = replies

    def summary(self) -> list[str]:
        """List what will be replayed, and what cannot be: for the banner."""
        left_out = [f"  left out  {reason}" for reason in self._replies.left_out]
        return [f"replaying  {len(self._replies)} recorded answers", *left_out]

    async def answer(self, call: Call, match: Match) -> Response | None:
        """Find the recorded answer, or None. Raises NO_FUNDS if the work cannot be paid, INVALID_KEY if the account was
        closed meanwhile."""
        if call.endpoint.operation not in self._replies.operations:
            return None  # its body stays unread, so that one that is too large is refused as it arrives
        body = await _read(call)
        query = call.request.scope["query_string"].decode("latin-1")
        headers = call.request.headers
        asked = question(match, query, headers.get("content-type", ""), body, headers.get("accept", ""))
        replies = self._replies.to(asked)
        if not replies:
            return None
        await call.check_open()
        turn = await call.account.dice.turn(asked)
        recorded = replies[min(turn, len(replies)) - 1]
        call.entry.reason = f"replayed from {recorded.file}"
        charge = await _charge(call, recorded)
        fresh = {text: await _link(call, to, charge) for text, to in recorded.links.items()}
        pictured = any(
            name == "content-type" and value.startswith("image/") for name, value in recorded.headers
        )
        if pictured:  # faults of pictures apply to recorded ones too
            await call.faults.assign(call.endpoint.operation, "inline")
        kind = PictureResponse if pictured else Response
        response = kind(_relinked(recorded.body, fresh), recorded.status)
        for name, value in recorded.headers:
            response.headers.append(name, value)
        response.headers["x-fauxscale-replayed"] = quote(recorded.file, safe=_PLAIN)
        return response


async def _read(call: Call) -> bytes:
    """Read the body and leave it unread for the handler."""
    body = await read_body(call.request.stream(), 64 * 1024 * 1024, call.caps)
    intake = call.request.receive
    assert isinstance(intake, Intake)  # the app puts it there
    intake.again(body)
    call.request = Request(call.request.scope, intake)
    return body


async def _charge(call: Call, recorded: RecordedReply) -> str:
    """Charge for recorded work as if it were done; returns the charge's id, "" if nothing is to be paid."""
    price = call.endpoint.price_of({}) * recorded.paid
    if not price:
        return ""
    account = call.account
    funds = await account.funds()
    await account.ledger.check(price, funds)
    charge = Charge(
        id=f"charge_{await account.draw_id('charge')}",
        at=call.now,
        operation=call.endpoint.operation,
        micros=price,
        images=recorded.paid,
        call=call.entry.id,
        sources=(),
        params_digest=digest_of({"replayed": recorded.file}),
    )
    await account.ledger.charge(charge, funds)
    call.entry.cost, call.entry.charge = price, charge.id
    return charge.id


async def _link(call: Call, to: RecordedResult | Match, charge: str) -> str:
    """Make an address of this server for one in the recording."""
    if isinstance(to, Match):
        home = f"https://{to.site.hosts[0]}" if call.reached == "host" else origin(call) + to.site.prefix
        return home + to.raw
    return await _fresh(call, to, charge)


async def _fresh(call: Call, result: RecordedResult, charge: str) -> str:
    """Make a fresh link to a recorded picture."""
    route, account = result.match.route, call.account
    assert route is not None  # a result's link is the path of an endpoint
    link_id = await account.draw_id("link")
    path = _filled(route.endpoint.path, {**(result.match.params or {}), "id": link_id})
    exp = int(call.now + link_life(call))
    source = await account.keep_upload(result.picture)
    made = Link(
        id=link_id,
        account=account.id,
        provider=call.provider.name,
        operation=call.endpoint.operation,
        path=path,
        recipe=Recipe((source,), AsStored(result.probed.width, result.probed.height), result.probed.format),
        width=result.probed.width,
        height=result.probed.height,
        charge=charge,
        exp=exp,
        signed=result.signed,
    )
    await account.links.keep(made)
    call.entry.results.append({"link": link_id, "width": made.width, "height": made.height})
    return link(call, made)


def _filled(path: str, params: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: params[found[1]], path)


def _relinked(body: bytes, fresh: Mapping[str, str]) -> bytes:
    if not fresh:
        return body
    text = body.decode(errors="replace")
    return LINK.sub(
        lambda found: json.dumps(fresh[found[0]]) if found[0] in fresh else found[0], text
    ).encode()
