"""Lumenfall's native endpoints about an account: its past requests and its balance."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Entry, Problem, is_object, own_url
from fauxscale.providers.openai_dialect import request_id

from .request import MODEL_ID

_PAGE = 20
_RECORDED = ("lumenfall.edits", "lumenfall.generations")
Json = dict[str, object]


async def get_balance(call: Call) -> Response:
    """Answer the balance. A wallet without a limit is shown as postpaid, its amount null (lumenfall-ai/agent-skill)."""
    left = await call.account.balance()
    amount = None if left is None else left / 1e6
    return JSONResponse(
        {
            "object": "balance",
            "billing_type": "postpaid" if amount is None else "prepaid",
            "available": {"amount": amount, "currency": "usd"},
        }
    )


async def get_requests(call: Call) -> Response:
    """List past requests, newest first: `limit` (20, at most 100), `status`, `summary=true`, `after` an id."""
    query = call.request.query_params
    try:
        limit = int(query.get("limit", _PAGE))
    except ValueError:
        limit = 0
    if not 1 <= limit <= 100:
        message = "Invalid input: limit must be a number from 1 to 100"
        raise ApiError(Problem.INVALID_PARAMETER, message, param="limit")
    rows = [row for row in await _rows(call) if query.get("status", row["status"]) == row["status"]]
    ids = [row["id"] for row in rows]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    page, more = rows[start : start + limit], rows[start + limit :]
    body: Json = {"object": "list", "data": page, "next_page_url": None}
    if more:
        body["next_page_url"] = f"{own_url(call, '/v1/requests')}?limit={limit}&after={page[-1]['id']}"
    if query.get("summary") == "true":
        body["summary"] = {"count": len(rows), "cost": _total(rows), "currency": "USD"}
    return JSONResponse(body)


async def get_request(call: Call) -> Response:
    """Answer one request by the id that came in X-Lumenfall-Request-Id."""
    return JSONResponse(_row(call, await _found(call)))


async def delete_payloads(call: Call) -> Response:
    """Forget the pictures of a request; the request itself stays in the list. The real reply is unknown."""
    for result in (await _found(call)).results:
        link = await call.accounts.link(str(result["link"]))
        if link is not None:
            await call.account.links.purge(link)
    return Response(status_code=204)


async def get_webhook_secret(call: Call) -> Response:
    """Answer the account's secret in the format of Standard Webhooks; the other members are unknown."""
    secret = call.accounts.mint(0, f"lumenfall webhooks {call.account.id}")
    return JSONResponse({"object": "webhook_secret", "secret": f"whsec_{base64.b64encode(secret).decode()}"})


async def _found(call: Call) -> Entry:
    for entry in await _entries(call):
        if request_id(call.account.id, entry.id) == call.params["id"]:
            return entry
    raise ApiError(
        Problem.NOT_FOUND,
        f"Request '{call.params['id'][:100]}' not found",
        reason="no image request of this account has that id, or the journal has forgotten it",
    )


async def _entries(call: Call) -> list[Entry]:
    return [one for one in await call.account.journal.entries() if one.operation in _RECORDED]


async def _rows(call: Call) -> list[Json]:
    return [_row(call, one) for one in reversed(await _entries(call))]


def _row(call: Call, entry: Entry) -> Json:
    code, message = _error(entry)
    return {
        "id": request_id(call.account.id, entry.id),
        "object": "request",
        "status": _status(entry.status),
        "model": MODEL_ID,
        "endpoint": entry.path.partition("?")[0],
        "modality": "image",
        "created_at": datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_ms": round((entry.ended - entry.started) * 1000),
        "cost": entry.cost / 1e6,
        "currency": "USD",
        "error_code": code,
        "error_message": message,
    }


def _status(status: int | None) -> str:
    if status is None:
        return "cancelled"
    if status < 400:
        return "completed"
    return "upstream_failure" if status >= 500 else "rejected"


def _error(entry: Entry) -> tuple[object, object]:
    """Code and message of the error in the reply; None and None for a success."""
    if entry.status is None or entry.status < 400:
        return None, None
    try:
        body: object = json.loads(entry.reply)
    except ValueError:
        return None, None
    error = body.get("error") if is_object(body) else None
    return (error.get("code"), error.get("message")) if is_object(error) else (None, None)


def _total(rows: Sequence[Json]) -> float:
    return round(sum(float(str(row["cost"])) for row in rows), 6)
