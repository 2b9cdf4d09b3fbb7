"""fal.ai's error bodies: model errors as a list, in pydantic's shape; everything else flat.

Source: docs.fal.ai, "Errors" and "Request errors" (read 2026-08). The bodies of 401 and 403 are quoted by users
(fal-ai/fal issues 1068, 1112, 1147); those of 404 and 429 are guesses like them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct, field
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Problem, phrase, tell

_DOCS = "https://docs.fal.ai/errors/#"
_FORMATS = [".jpg", ".jpeg", ".png", ".webp"]

# Model errors by type: status and message.
MODEL: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "internal_server_error": (500, "Internal server error"),
        "generation_timeout": (504, "Generation timeout"),
        "downstream_service_error": (400, "Downstream service error"),
        "downstream_service_unavailable": (500, "Downstream service unavailable"),
        "content_policy_violation": (
            422,
            "The content could not be processed because it contained material flagged by a content checker.",
        ),
        "no_media_generated": (422, "No media generated"),
        "image_too_small": (422, "Image too small"),
        "image_too_large": (422, "Image too large"),
        "image_load_error": (422, "Image load error"),
        "file_download_error": (422, "File download error"),
        "face_detection_error": (422, "Could not detect face in the image"),
        "file_too_large": (422, "File too large"),
        "unsupported_image_format": (
            422,
            "Unsupported image format. Supported formats are .jpg, .jpeg, .png, .webp.",
        ),
        "feature_not_supported": (422, "Feature not supported"),
    }
)
# Request errors, from fal's infrastructure instead of the model, by type: status and message.
REQUEST: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "request_timeout": (504, "Request timed out"),
        "startup_timeout": (504, "Runner did not start in time"),
        "runner_scheduling_failure": (503, "No runner could be scheduled"),
        "runner_connection_timeout": (503, "Connection to the runner timed out"),
        "runner_disconnected": (503, "Runner disconnected"),
        "runner_connection_refused": (503, "Runner refused the connection"),
        "runner_connection_error": (503, "Connection to the runner failed"),
        "runner_incomplete_response": (502, "Runner sent an incomplete response"),
        "runner_server_error": (500, "Runner failed"),
        "client_disconnected": (499, "Client disconnected"),
        "client_cancelled": (499, "Request was cancelled"),
        "bad_request": (400, "Bad request"),
        "internal_error": (500, "Internal error"),
    }
)
CODES: Mapping[str, int] = MappingProxyType(
    {name: status for name, (status, _) in {**MODEL, **REQUEST}.items()}
)
_MODEL_OF = {
    Problem.UNSAFE: "content_policy_violation",
    Problem.FILE_TOO_LARGE: "file_too_large",
    Problem.UNSUPPORTED_FORMAT: "unsupported_image_format",
    Problem.BROKEN_IMAGE: "image_load_error",
    Problem.TOO_MANY_PIXELS: "image_too_large",
    Problem.RESULT_TOO_LARGE: "image_too_large",
    Problem.DOWNLOAD_FAILED: "file_download_error",
    Problem.UPSTREAM_ERROR: "downstream_service_error",
}
_REQUEST_OF = {
    Problem.SERVER_ERROR: "internal_error",
    Problem.UPSTREAM_ERROR: "runner_incomplete_response",
    Problem.UNAVAILABLE: "runner_scheduling_failure",
    Problem.TIMEOUT: "request_timeout",
    Problem.INVALID_PARAMETER: "bad_request",
}
_LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
# Neither a list nor typed: status and message.
_PLAIN: Mapping[Problem, tuple[int, str]] = MappingProxyType(
    {
        Problem.MISSING_KEY: (401, "Authentication is required to access this application."),
        Problem.INVALID_KEY: (401, "No user found for Key ID and Secret"),
        Problem.NO_FUNDS: (403, _LOCKED),
        Problem.NOT_FOUND: (404, "Not found"),
        Problem.UNKNOWN_MODEL: (404, "Application not found"),
        Problem.WRONG_METHOD: (405, "Method Not Allowed"),
        Problem.RATE_LIMITED: (429, "Too many requests"),
        Problem.TOO_MANY_IN_FLIGHT: (429, "Too many concurrent requests"),
        Problem.LINK_UNKNOWN: (404, "File not found"),
        Problem.LINK_EXPIRED: (404, "File not found"),
        Problem.LINK_FORGED: (403, "Signature mismatch"),
    }
)


class WireError(Struct, frozen=True):
    """An error as it goes over the wire."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def word_error(call: Call, error: ApiError) -> Response:
    said = wire_error(error)
    # A request for a result may find that the work has failed, of which a webhook informs too.
    task = tell(call) if call.endpoint.operation == "fal.result" else None
    return JSONResponse(said.body, said.status, dict(said.headers), background=task)


def wire_error(error: ApiError) -> WireError:
    """Write a neutral error: status, body and headers."""
    said = _wire_error(error)
    headers = {
        "x-fal-retryable": "true" if said.status >= 500 or said.status == 429 else "false",
        **said.headers,
    }
    # A refusal by the framework of an app is not billed, and says so: 422, and 404 for an unknown path (2026-11).
    unknown_path = error.problem is Problem.NOT_FOUND and "path" in error.details
    if unknown_path or (isinstance(said.body["detail"], list) and said.status != 500):
        headers["x-fal-billable-units"] = "0"
    if error.problem is Problem.WRONG_METHOD:
        headers["allow"] = str(error.details.get("allow", ""))
    if error.problem is Problem.TIMEOUT and error.details.get("start"):
        headers["x-fal-request-timeout-type"] = "user"
    return WireError(error.status or said.status, said.body, headers)


def _wire_error(error: ApiError) -> WireError:
    code = error.details.get("code")
    if code in MODEL:
        return _model(str(code), error)
    if code in REQUEST:
        return _request(str(code), error)
    if (errors := error.details.get("errors")) is not None:
        return WireError(422, {"detail": errors})
    if error.problem in (Problem.MALFORMED_BODY, Problem.WRONG_CONTENT_TYPE):
        return WireError(422, {"detail": [_unreadable(error)]})
    if error.problem in _MODEL_OF and not (error.status and error.status >= 500):
        return _model(_MODEL_OF[error.problem], error)
    if error.problem is Problem.INVALID_PARAMETER and error.status not in (None, 400):
        # Configured: fal's infrastructure has a name for one of the statuses below 500 that no problem has.
        if error.status == 499:
            return _request("client_disconnected", error)
        return WireError(400, {"detail": error.message or phrase(error.status)})
    if error.problem in _REQUEST_OF:
        return _request(_REQUEST_OF[error.problem], error)
    status, text = _PLAIN[error.problem]
    if error.status == 403 and error.problem is Problem.INVALID_KEY:
        text = _LOCKED
    if error.problem is Problem.NOT_FOUND and "path" in error.details:
        text = _missing(str(error.details["path"]))
    return WireError(
        status, {"detail": error.message if error.details.get("configured") and error.message else text}
    )


def _model(kind: str, error: ApiError) -> WireError:
    status, text = MODEL[kind]
    if error.details.get("configured") and error.message:
        text = error.message
    item: dict[str, object] = {
        "loc": ["body", *(error.param or "").split(".")] if error.param else ["body"],
        "msg": text,
        "type": kind,
        "url": _DOCS + kind,
    }
    if (facts := _facts(kind, error)) is not None:
        item["ctx"] = facts
    return WireError(status, {"detail": [item]}, {"x-fal-error-type": kind})


def _facts(kind: str, error: ApiError) -> Mapping[str, object] | None:
    limit = error.details.get("limit")
    if kind == "unsupported_image_format":
        return {"supported_formats": _FORMATS}
    if kind == "file_too_large" and isinstance(limit, int):
        return {"max_size": limit}
    if kind == "image_too_large" and isinstance(limit, int):
        # The limit counts pixels, fal's message has sides: those of the largest allowed square.
        side = limit if error.problem is Problem.RESULT_TOO_LARGE else math.isqrt(limit)
        return {"max_height": side, "max_width": side}
    return None


def _request(kind: str, error: ApiError) -> WireError:
    status, text = REQUEST[kind]
    if error.details.get("configured") and error.message:
        text = error.message
    return WireError(status, {"detail": text, "error_type": kind}, {"x-fal-error-type": kind})


def _unreadable(error: ApiError) -> dict[str, object]:
    """Write the error for a body that is missing, no JSON, or no object, as FastAPI does."""
    facts = error.details
    if facts.get("empty"):
        return {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
    if error.problem is Problem.WRONG_CONTENT_TYPE or facts.get("wanted") == "object":
        text = "Input should be a valid dictionary or object to extract fields from"
        return {"type": "model_attributes_type", "loc": ["body"], "msg": text, "input": facts.get("input")}
    return {
        "type": "json_invalid",
        "loc": ["body", facts.get("position", 0)],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": facts.get("expected", facts.get("why", error.message))},
    }


def _missing(path: str) -> str:
    """Write the error for an unknown path: apps answer for their own paths, fal for the names of apps."""
    owner, _, rest = path.strip("/").partition("/")
    app, _, inside = rest.partition("/")
    if (owner, app) == ("fal-ai", "ideogram"):
        return f"Path /{inside} not found"
    return f"Application '{app or owner}' not found"
