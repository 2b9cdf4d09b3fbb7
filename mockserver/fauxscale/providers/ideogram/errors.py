"""Ideogram's error bodies: as observed on its newer operations (`v2`), or as first guessed (`plain`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Problem, phrase, text_of

# Documented with 403 for a bad key where all others document 401 (API reference and OpenAPI, 2026-04).
FORBIDDING = ("ideogram.upscale", "ideogram.remix", "ideogram.v3_remix")

_STATUS = {
    Problem.NO_FUNDS: 402,
    Problem.NOT_FOUND: 404,
    Problem.WRONG_METHOD: 405,
    Problem.UNSAFE: 422,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.SERVER_ERROR: 500,
    Problem.UPSTREAM_ERROR: 502,
    Problem.UNAVAILABLE: 503,
    Problem.TIMEOUT: 408,
    Problem.LINK_UNKNOWN: 404,
}
# Statuses that are not documented, by the option that chooses them.
_CHOSEN = {
    Problem.FILE_TOO_LARGE: "oversize_status",
    Problem.LINK_EXPIRED: "expired_status",
    Problem.LINK_FORGED: "forged_status",
}
_JSON = ("ideogram.generate", "ideogram.create_dataset", "ideogram.train_model")
_UNREADABLE = (Problem.BROKEN_IMAGE, Problem.UNSUPPORTED_FORMAT, Problem.DOWNLOAD_FAILED)
_LINKS = (Problem.LINK_EXPIRED, Problem.LINK_FORGED, Problem.LINK_UNKNOWN)

_UNSAFE_PROMPT = "Prompt provided failed safety check due to the inclusion of prohibited content."
# The message for an unsafe picture is documented (2026-04-27, 2026-10-07).
_DESCRIBING = ("ideogram.describe", "ideogram.v2_describe")
_UNSAFE_IMAGE = "Image provided failed safety check due to the inclusion of prohibited content."
# The message of 422 is documented.
_TEXTS = {
    400: "Invalid input provided.",
    401: "Not authorized.",
    402: "Insufficient credits.",
    403: "Not authorized to use this API.",
    404: "Not found",
    405: "Method not allowed",
    408: "Timed out waiting for the request body",
    409: "The request conflicts with another one.",
    413: "File is too large",
    422: _UNSAFE_PROMPT,
    429: "Too many requests.",
    499: "The client closed the request.",
    500: "Internal error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
    504: "Gateway timeout.",
}
# Reported from live calls by authors of clients (shehuphd/keycall and qmediat/ideogram-mcp, 2026-10, on v2 operations).
_OBSERVED = {
    401: "Access denied. The API key is missing, invalid or paused.",
    402: "Add a payment method and credits to use this API key.",
    403: "This account is not authorized for this operation.",
    429: "Too many requests in flight.",
}
# The messages of Connexion 2.14.2 and werkzeug.
_FRAMEWORK = {
    401: "No authorization token provided",
    404: "The requested URL was not found on the server. If you entered the URL manually please check your spelling "
    "and try again.",
    405: "The method is not allowed for the requested URL.",
}


def words_of(call: Call) -> Literal["v2", "plain"]:
    """Which of the two families of bodies a call gets."""
    chosen = call.setting("errors")
    if chosen == "by-version":
        new = call.setting("api_version") == "2026-10" or call.path.startswith("/v2/")
        return "v2" if new else "plain"
    return cast('Literal["v2", "plain"]', chosen)


def word_error(call: Call, error: ApiError) -> Response:
    """Write an error in the chosen family."""
    status = error.status or _status_of(call, error.problem)
    headers: dict[str, str] = {}
    if error.problem is Problem.WRONG_METHOD:
        headers["allow"] = str(error.details.get("allow", ""))
    if words_of(call) == "plain" or error.problem in _LINKS:
        text = _plain(call, error, status)
        # Known clients read one of the two, none reads both.
        return JSONResponse({"error": text, "message": text}, status, headers)
    body = _observed(call, error, status)
    kind = "application/problem+json" if "title" in body else "application/json"
    return JSONResponse(body, status, headers, media_type=kind)


def _status_of(call: Call, problem: Problem) -> int:
    if problem in _CHOSEN:
        return int(call.setting(_CHOSEN[problem]))
    if problem in (Problem.MISSING_KEY, Problem.INVALID_KEY):
        chosen = int(call.setting("missing_key_status"))
        forbids = call.endpoint.operation in FORBIDDING and call.setting("api_version") == "2026-04"
        return chosen or (403 if forbids else 401)
    if problem is Problem.WRONG_CONTENT_TYPE and words_of(call) == "v2" and _reads_json(call):
        return 415
    return _STATUS.get(problem, 400)


def _plain(call: Call, error: ApiError, status: int) -> str:
    if error.problem is Problem.UNSAFE and "configured" not in error.details:
        return _unsafe(call)
    return text_of(error, status, _TEXTS)


def _observed(call: Call, error: ApiError, status: int) -> Mapping[str, object]:
    """The body of an error as observed at the live service, or as its framework writes it."""
    configured = "configured" in error.details
    if configured and error.message:
        return {"error": error.message}
    match status:
        case 400 if "schema" in error.details:
            return _problem(status, error.details["schema"])
        case 400 if error.problem in _UNREADABLE:
            return {"error": "Could not read a source image."}
        case 400 if error.problem is Problem.MALFORMED_BODY and _reads_json(call):
            return _problem(status, "Request body is not valid JSON")
        case 400 if configured:
            return _problem(status, _TEXTS[400])
        case 401 if error.problem is Problem.MISSING_KEY:
            return _problem(status, _FRAMEWORK[401])
        case 401 | 403:
            return {"message": _OBSERVED[status]}
        case 402:
            return {"error": _OBSERVED[402], "reject_reason": "insufficient_funds"}
        case 404 if error.message and "path" not in error.details:
            return _problem(status, error.message)
        case 404 | 405:
            return _problem(status, _FRAMEWORK[status])
        case 415:
            received = error.details.get("received") or "text/plain"
            return _problem(status, f"Invalid Content-type ({received}), expected JSON data")
        case 422:
            return {"error": _unsafe(call)}
        case 429 if error.problem is Problem.RATE_LIMITED:
            return {"error": _TEXTS[429]}
        case 429:
            most = error.details.get("limit") if error.problem is Problem.TOO_MANY_IN_FLIGHT else None
            limit = {"max_inflight_requests": most} if isinstance(most, int) and most else {}
            return {"error": _OBSERVED[429], "reject_reason": "inflight_limit", **limit}
        case _:
            return {"error": text_of(error, status, _TEXTS)}


def _problem(status: int, detail: object) -> Mapping[str, object]:
    """A problem document (RFC 9457), as Connexion makes it."""
    return {"type": "about:blank", "title": phrase(status), "detail": detail, "status": status}


def _unsafe(call: Call) -> str:
    return _UNSAFE_IMAGE if call.endpoint.operation in _DESCRIBING else _UNSAFE_PROMPT


def _reads_json(call: Call) -> bool:
    """Whether the operation's body can only be JSON: that of one picture operation."""
    return call.endpoint.operation in _JSON
