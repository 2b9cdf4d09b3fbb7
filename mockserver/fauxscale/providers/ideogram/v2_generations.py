"""Generations in v2 of Ideogram's API: answered at once or polled for, with price quotes and webhooks.

Source: the public OpenAPI description of 2026-10-07, and quotes of 2026-10-10 (qmediat/ideogram-mcp).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from msgspec import Struct
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Job,
    Made,
    Pace,
    Problem,
    Progress,
    Work,
    begin,
    check_address,
    find_job,
    iso,
    judge,
    link,
    pace_of,
    poll,
    prepare,
    quote,
    result_of,
    signing_key,
    tell,
)

from .asked import Asked
from .schema import Member

_KEY_ID = "v1"  # as the documented key set names it

_ID = re.compile(r"[A-Za-z0-9_-]{22}(==)?")
_LONGEST_URL = 2_048
# Quotes say 25.166 credits for $0.251659: a credit is a cent.
_MICROS_PER_CREDIT_MILLI = 10


# Parameters of every v2 operation that makes pictures; all except background removal take a webhook as well.
PLAIN = (
    Member(name="async", kind="boolean", default=False),
    Member(name="private", kind="boolean"),
    Member(name="target_collection_id"),
)
COMMON = (*PLAIN, Member(name="webhook_url"))


class Order(Struct, frozen=True, kw_only=True):
    """A request to a v2 operation: its work, which names its product, and how to answer.

    `prompt` is the prompt that each result states; None: it states none. `told` are the members of the reply
    besides the generation's id, and `told_of_each` those of each result.
    """

    asked: Asked
    work: Work
    told: tuple[str, ...] = ("seed",)
    told_of_each: tuple[str, ...] = ("url", "prompt", "resolution", "seed", "is_image_safe")
    prompt: str | None = None

    @property
    def is_async(self) -> bool:
        return self.asked.values.get("async") is True


async def answer(call: Call, order: Order) -> Response:
    """Quote the price of an order, or do its work: now, or later by the account's clock if that was requested."""
    # An empty text in a JSON body counts as an address, an invalid one.
    hook = order.asked.text("webhook_url") if "webhook_url" in order.asked.values else None
    if hook is not None:
        _check_webhook(hook)
    if _is_dry_run(call):
        return await _quote(call, order)
    if hook is not None:
        signing_key(call.accounts)  # refuses if nothing can be signed
        await call.faults.apply("webhook")
    later = order.is_async or hook is not None

    async def work() -> Made:
        outcome = await prepare(call, order.work, await judge(call, order.work), finished=False)
        first = outcome.results[0]
        return Made(
            outcome,
            {
                "created": iso(call.now, str(call.setting("created"))),
                "seed": first.seed,
                "width": first.link.width,
                "height": first.link.height,
                "seeds": [one.seed for one in outcome.results],
                "prompt": order.prompt,
            },
        )

    job = await begin(
        call,
        work,
        job_id=await call.account.draw_id("generation"),
        pace=pace_of(call) if later else Pace(),
        notify=hook,
    )
    known = {"generation_kind": "sampling", **job.output}
    body = {"generation_id": job.id, **{name: known[name] for name in order.told}}
    if not later:
        items = _items(job, await _addresses(call, job))
        body["data"] = [{name: one[name] for name in order.told_of_each if name in one} for one in items]
    return JSONResponse(body, background=tell(call) if hook else None)


async def get_generation(call: Call) -> Response:
    """Answer the progress of a generation; this counts as a poll."""
    asked = call.params["generation_id"]
    if not _ID.fullmatch(asked):
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "The generation ID is not a valid URL-safe base64 ID.",
            reason=f"a generation_id has 22 letters, digits, - and _, got {asked[:100]!r}",
            param="generation_id",
        )
    job = await find_job(call, asked.removesuffix("=="))
    if job is None or "seeds" not in job.output:
        raise ApiError(
            Problem.NOT_FOUND,
            "Generation not found.",
            reason="no generation of this id was begun with this key, or the account was reset since",
        )
    progress = await poll(call, job)
    body: dict[str, object] = {
        "generation_id": job.id,
        "status": "pending",
        "created": job.output["created"],
    }
    error = _failure(job, progress)
    if error is not None:
        body |= {"status": "failed", "failure_reason": _reason(error)}
    elif progress.stage == "done":
        body |= {"status": "completed", "response_type": "url"}
        body["data"] = _polled(job, await _addresses(call, job))
        if job.charge is not None:
            body["usage_cost_usd_micros"] = job.charge.micros
    return JSONResponse(body, background=tell(call) if job.notify else None)


async def jwks(call: Call) -> Response:
    """Answer the public keys that webhooks are verified with, without an API key."""
    return JSONResponse(
        {"keys": [signing_key(call.accounts).jwk | {"alg": "EdDSA", "kid": _KEY_ID, "use": "sig"}]},
        headers={"cache-control": "public, max-age=86400"},
    )


def notice(job: Job, error: ApiError | None) -> str:
    """Write a webhook's body; for a failure it is not documented: the same as in a poll."""
    body: dict[str, object] = {"generation_id": job.id, "created": job.output["created"]}
    if error is None:
        return json.dumps(body | {"data": _polled(job, job.addresses)})
    return json.dumps(body | {"status": "failed", "failure_reason": _reason(error)})


async def _addresses(call: Call, job: Job) -> list[str | None]:
    """The addresses of a finished generation's results. Raises the error it ended in."""
    done = await result_of(call, job)
    assert done is not None  # its caller has checked that it is done
    return [link(call, one) if one.safe else None for one in done.links]


def _polled(job: Job, addresses: Sequence[str | None]) -> list[dict[str, object]]:
    """The items in polls and notices: without a seed if there was no prompt, which is a guess."""
    items = _items(job, addresses)
    if job.output["prompt"] is not None:
        return [{"object_type": "image.generation", **one} for one in items]
    bare = ("url", "resolution", "is_image_safe")
    return [
        {"object_type": "image.without-prompt-or-seed", **{name: one[name] for name in bare}} for one in items
    ]


def _items(job: Job, addresses: Sequence[str | None]) -> list[dict[str, object]]:
    """One item per result, from the addresses of all; None is withheld."""
    output = cast("Mapping[str, Any]", job.output)
    prompt = {} if output["prompt"] is None else {"prompt": output["prompt"]}
    return [
        {
            "url": address,
            **prompt,
            "resolution": f"{output['width']}x{output['height']}",
            "seed": seed,
            "is_image_safe": address is not None,
        }
        for address, seed in zip(addresses, output["seeds"], strict=False)
    ]


def _failure(job: Job, progress: Progress) -> ApiError | None:
    return (progress.error or job.error) if progress.stage == "done" else None


def _reason(error: ApiError) -> str:
    """Why a generation failed, as one word for machines; only the first is documented."""
    if error.problem is Problem.UNSAFE or error.status == 422:
        return "content_policy_violation"
    return "insufficient_funds" if error.problem is Problem.NO_FUNDS else "internal_error"


def _is_dry_run(call: Call) -> bool:
    """Whether only the price is requested. Raises INVALID_PARAMETER if the value is no boolean."""
    said = call.request.query_params.get("dry_run", "false")
    if said.lower() not in ("true", "false"):
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Invalid input: dry_run must be true or false, got {said[:40]!r}",
            param="dry_run",
            details={"schema": "Wrong type, expected 'boolean' for query parameter 'dry_run'"},
        )
    return said.lower() == "true"


async def _quote(call: Call, order: Order) -> Response:
    """Validate and price an order; nothing is made, stored, charged or judged for safety."""
    micros = await quote(call, order.work)
    return JSONResponse(
        {
            "object": "price_quote",
            "billing_identifier": order.work.product,
            "quantity": order.work.count,
            "usd_micros": micros,
            "credit_millis": -(-micros // _MICROS_PER_CREDIT_MILLI),
            "qualifier": "exact",
        }
    )


def _check_webhook(url: str) -> None:
    """Refuse an address that no notice can be sent to.

    The real service accepts only https at public hosts; this one sends only to loopback, by http too.
    """
    if len(url) > _LONGEST_URL:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"webhook_url must have {_LONGEST_URL:,} characters or fewer",
            param="webhook_url",
            details={"schema": f"{url[:1_000]!r} is too long - 'webhook_url'"},
        )
    check_address(url, "webhook_url")
