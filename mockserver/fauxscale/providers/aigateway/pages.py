"""AIgateway's pages about itself: models, how to call them, OpenAPI, a text for language models.

All texts are our own; addresses are on the origin the call came to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fauxscale.provider_api import Call, Parameter, media_url, origin
from fauxscale.providers.openai_dialect import model_card

from .request import MODEL_ID

_CREATED = (
    1717200000  # 2024-06-01: the model was released in June 2024; the gateway's own value is not published
)
Json = dict[str, object]


def base(call: Call) -> str:
    """The base URL a client should use, on the origin the call came to."""
    if call.reached == "host":
        return f"https://{call.request.headers['host']}/v1"
    return f"{origin(call)}/aigateway/v1"


def card() -> Json:
    return model_card(MODEL_ID, _CREATED, "ideogram") | {
        "name": "Ideogram Upscale",
        "modality": "image",
        "provider": "ideogram",
        "pricing": {"per_image_usd": 0.06},
        "capabilities": ["image-generation", "image-upscaling"],
    }


def invocation(call: Call, parameters: Sequence[Parameter]) -> Json:
    """Describe how to call the model: endpoint, parameters, one request and its reply."""
    return {
        "endpoint": f"{base(call)}/images/generations",
        "method": "POST",
        "content_type": "application/json",
        "parameters": _members(
            {one.name: one.schema() for one in parameters}, *(one.name for one in parameters if one.required)
        ),
        "request_example": {"model": MODEL_ID, "prompt": "a lighthouse at dawn", "size": "1024x1024"},
        "response_example": {"created": _CREATED, "data": [{"url": media_url(call, "/img/abc123.png")}]},
    }


def openapi(call: Call, parameters: Sequence[Parameter]) -> Json:
    """Make an OpenAPI 3.1 description of what the stand-in answers here."""
    known = {one.name: one.schema() for one in parameters}
    file = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The picture."}
    text = {"type": "string", "description": "A data URI, base64, or a link of this server."}
    needed = [one.name for one in parameters if one.required]
    drawn = _members(known | {"image": text, "image_url": text}, *needed)
    form = _members(known | {"image": file, "mask": file}, "image", *needed)
    named = _members(known | {"image_url": text}, "image_url", *needed)
    images = _reply("The results.", "Images")
    error = {
        str(status): _reply(about, "Error")
        for status, about in (
            (400, "A parameter or the picture is wrong."),
            (401, "The key is missing or wrong."),
            (402, "The wallet is empty."),
            (404, "No such model or endpoint."),
            (413, "The picture is over 25 MB."),
            (429, "Over the per-minute limit; see Retry-After."),
            (500, "The upstream provider failed."),
            (503, "The upstream provider is saturated."),
        )
    }
    paths = {
        "/images/generations": {
            "post": _post("Draw, then double", {"application/json": drawn}, images, error)
        },
        "/images/edits": {
            "post": _post(
                "Double a picture", {"multipart/form-data": form, "application/json": named}, images, error
            )
        },
        "/models": {"get": _get("List the models")},
        "/models/{id}": {"get": _get("One model, and how to call it", "id")},
        "/models/{id}/schema": {"get": _get("How to call a model", "id")},
        "/balance": {"get": _get("What is left in the wallet")},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "AIgateway, as fauxscale stands in for it", "version": "1"},
        "servers": [{"url": base(call)}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Images": _IMAGES, "Error": _ERROR},
        },
    }


def llms(call: Call) -> str:
    """The text for language models."""
    return (
        "# AIgateway (a stand-in)\n\n"
        "> fauxscale answers here as AIgateway does, with play money. Point any OpenAI client at the base URL.\n\n"
        f"- Base URL: {base(call)}\n"
        f"- Model: {MODEL_ID}, $0.06 an image, the result has exactly twice the width and height\n"
        "- POST /images/generations: JSON with model and prompt; image or image_url doubles that picture\n"
        "- POST /images/edits: multipart with model, prompt and image\n"
        "- GET /models, /models/{id}, /models/{id}/schema, /balance, /openapi.json\n"
        "- Errors: `error.message`, `error.type`, `error.code`, `error.param`; 429 comes with Retry-After\n"
    )


_IMAGES: Json = {
    "type": "object",
    "required": ["created", "data"],
    "properties": {
        "created": {"type": "integer"},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"url": {"type": ["string", "null"]}, "b64_json": {"type": ["string", "null"]}},
            },
        },
    },
}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": ["integer", "string"]},
                "param": {"type": ["string", "null"]},
            },
        }
    },
}


def _members(members: Mapping[str, object], *required: str) -> Json:
    return {"type": "object", "required": list(required), "properties": dict(members)}


def _post(summary: str, bodies: dict[str, Json], reply: Json, errors: Mapping[str, Json]) -> Json:
    content = {kind: {"schema": schema} for kind, schema in bodies.items()}
    body = {"required": True, "content": content}
    return {"summary": summary, "requestBody": body, "responses": {"200": reply, **errors}}


def _get(summary: str, *names: str) -> Json:
    inside = [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in names]
    answer = {"description": "JSON.", "content": {"application/json": {"schema": {"type": "object"}}}}
    errors = {"401": _reply("The key is missing or wrong.", "Error")}
    if names:
        errors["404"] = _reply("No such model.", "Error")
    return {"summary": summary, "parameters": inside, "responses": {"200": answer, **errors}}


def _reply(about: str, schema: str) -> Json:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": about, "content": {"application/json": {"schema": reference}}}
