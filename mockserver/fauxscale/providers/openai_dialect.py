"""OpenAI's images API, which the gateways share, as openai/openai-openapi describes it (2026-08-21)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from fauxscale.provider_api import (
    ApiError,
    Breach,
    Call,
    Form,
    Outcome,
    Parameter,
    Problem,
    Result,
    as_base64,
    from_text,
    json_type,
    link,
)

MIB = 1024 * 1024
MODEL = Parameter(name="model", kind="string", required=True, about="The model's id.")
COUNT = Parameter(
    name="n", kind="integer", default=1, least=1, most=10, about="How many results; each is paid for."
)
ANSWER = Parameter(
    name="response_format",
    kind="string",
    default="url",
    choices=("url", "b64_json"),
    about="A link to each result, or the result itself in base64.",
)


def find_key(request: Request) -> str | None:
    """Read the token of `Authorization: Bearer …`; the scheme's case is free (RFC 9110 §11.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def texts_of(form: Form, parameters: Sequence[Parameter]) -> dict[str, object]:
    """Read a form's text parts as the parameters' values; of repeated names the last counts."""
    sent: dict[str, object] = {}
    for one in parameters:
        part = form.last(one.name)
        if part is not None:
            sent[one.name] = from_text(one, part.text)
    return sent


def picture_in(form: Form, missing: str, several: str) -> bytes:
    """Find the one picture of a form. openai's clients name the part `image`, and in lists `image[]`, even a single
    one.

    Raises ApiError with the message `missing` or `several`.
    """
    parts = [*form.all("image"), *form.all("image[]")]
    if not parts:
        lookalike = next((part.name for part in form.parts if part.is_file), None)
        sent = f"; a file came as {lookalike!r}" if lookalike else ""
        reason = f"this endpoint wants the picture in a part named image{sent}"
        raise ApiError(Problem.MISSING_PARAMETER, missing, reason=reason, param="image")
    if len(parts) > 1:
        reason = f"{len(parts)} pictures came; this model takes one a call"
        raise ApiError(Problem.INVALID_PARAMETER, several, reason=reason, param="image")
    return parts[0].data


async def image_objects(
    call: Call, outcome: Outcome, answer: object, extra: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    """Make `data` of a reply: for each result its link or, when `answer` is "b64_json", its bytes.

    A result withheld as unsafe is null there.
    """
    return [{**await _image(call, result, answer), **(extra or {})} for result in outcome.results]


async def _image(call: Call, result: Result, answer: object) -> dict[str, object]:
    if answer != "b64_json":
        return {"url": result.url}
    if not result.safe:
        return {"b64_json": None}
    packed = await as_base64(call, result.link)
    return {"url": link(call, result.link)} if packed is None else {"b64_json": packed}


def model_card(model: str, created: int, owner: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": created, "owned_by": owner}


def request_id(account: str, call: str) -> str:
    """Make a request id: `req_` and 27 characters, the same for the same call of the same account."""
    digest = hashlib.sha256(f"{account}\n{call}".encode()).digest()
    return f"req_{base64.b64encode(digest, altchars=b'ab').decode()[:27]}"


def say(breach: Breach) -> str:
    """Write a violation in OpenAI's manner (openai-ruby issue 147 quotes the type error, 2025)."""
    one, got = breach.parameter, breach.received
    match breach.rule:
        case "missing":
            return f"Missing required parameter: '{one.name}'."
        case "kind":
            wanted = f"{'an' if one.kind == 'integer' else 'a'} {one.kind}"
            return f"Invalid type for '{one.name}': expected {wanted}, but got {json_type(got)} instead."
        case "choice":
            known = [f"'{choice}'" for choice in one.choices]
            listed = f"{', '.join(known[:-1])} and {known[-1]}"
            return f"Invalid value: '{str(got)[:100]}'. Supported values are: {listed}."
        case "least" | "above":
            bound = f">= {one.least}" if breach.rule == "least" else f"> {one.above}"
            return (
                f"Invalid '{one.name}': value below minimum. Expected a value {bound}, but got {got} instead."
            )
        case "most" if isinstance(got, str):
            return f"Invalid '{one.name}': string too long. Expected {one.most} characters at most, but got {len(got)}."
        case "most":
            return f"Invalid '{one.name}': value above maximum. Expected a value <= {one.most}, but got {got} instead."
