"""GET /v2/account/usage: what Ideogram billed an account, by day or hour.

Source: the public OpenAPI description of 2026-10-07.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Charge, Problem, iso

from . import v2_images, v2_upscale

_HOUR, _DAY = 3_600, 86_400
_WIDTHS: Mapping[str, tuple[int, int]] = {"1d": (_DAY, 92), "1h": (_HOUR, 168)}
_SOURCES = ("api", "app")
# The models that are billed under their own name.
_MODELS: Mapping[str, str] = MappingProxyType(
    {
        model.product: name
        for models in (v2_upscale.MODELS, v2_images.GENERATE, v2_images.REMOVE_BACKGROUND)
        for name, model in models.items()
    }
)


async def get_usage(call: Call) -> Response:
    """List the charges in each bucket of the requested time; one without line items had none."""
    query = call.request.query_params
    width = query.get("bucket_width", "1d")
    _check_choice(width, tuple(_WIDTHS), "bucket_width")
    # Repeated, or with commas, as FastAPI's clients write lists: `style: form` allows both.
    sources = [one for text in query.getlist("sources") or _SOURCES for one in text.split(",")]
    for one in sources:
        _check_choice(one, _SOURCES, "sources")
    span, most = _WIDTHS[width]
    start = _time(query.get("start_time"), "start_time") // span * span
    end = (
        -(-(call.now if query.get("end_time") is None else _time(query.get("end_time"), "end_time")) // span)
        * span
    )
    if not start < end:
        raise _refused("start_time must be before end_time.", "start_time")
    if (end - start) // span > most:
        raise _refused(f"A range of {width} buckets has at most {most} of them.", "start_time")
    charges = await call.account.ledger.charges() if "api" in sources else []
    own = [one for one in charges if one.operation.startswith(f"{call.provider.name}.")]
    return JSONResponse(
        {
            "buckets": [
                {
                    "start_time": iso(at),
                    "end_time": iso(at + span),
                    "line_items": _line_items(call, (one for one in own if at <= one.at < at + span)),
                }
                for at in range(int(start), int(end), span)
            ]
        }
    )


class _Rate(Struct, frozen=True):
    """The key of a line item: the product, the endpoint, and the price of one image in micro-dollars."""

    product: str
    endpoint: str
    unit: int


def _line_items(call: Call, charges: Iterable[Charge]) -> list[dict[str, object]]:
    """Sum charges up by product and price; refunds are subtracted."""
    counted: dict[_Rate, int] = {}
    for one in charges:
        rate = _rate(call, one)
        images = abs(one.images) or 1
        counted[rate] = counted.get(rate, 0) + (images if one.refunds is None else -images)
    return [
        {
            "product": rate.product,
            "description": rate.product.replace("_", " ").capitalize(),
            "endpoint": rate.endpoint,
            "cost_total": _dollars(rate.unit * count),
            "currency_code": "USD",
            "source": "api",
            "billed_units": {"unit": "image", "quantity": str(count), "unit_price": _dollars(rate.unit)},
        }
        for rate, count in counted.items()
        if count
    ]


def _rate(call: Call, charge: Charge) -> _Rate:
    endpoint = next((one for one in call.site.endpoints if one.operation == charge.operation), call.endpoint)
    path = endpoint.path.replace("{model}", _MODELS.get(charge.product, "{model}"))
    unit = abs(charge.micros) // (abs(charge.images) or 1)
    return _Rate(charge.product or charge.operation.partition(".")[2], path, unit)


def _dollars(micros: int) -> str:
    """Dollars as a decimal string, six places, without a float."""
    sign, (whole, rest) = "-" if micros < 0 else "", divmod(abs(micros), 1_000_000)
    return f"{sign}{whole}.{rest:06d}"


def _time(text: str | None, name: str) -> float:
    """Read a time of RFC 3339, which has its offset from UTC."""
    try:
        at = datetime.fromisoformat(text or "")
        if at.tzinfo is not None:
            return at.timestamp()
    except (ValueError, OverflowError):
        pass
    wanted = (
        "is required" if text is None else f"must be a time such as 2026-10-01T00:00:00Z, got {text[:40]!r}"
    )
    raise _refused(f"{name} {wanted}", name)


def _check_choice(value: str, choices: tuple[str, ...], name: str) -> None:
    if value not in choices:
        raise _refused(f"{name} must be one of {', '.join(choices)}, got {value[:40]!r}", name)


def _refused(message: str, param: str) -> ApiError:
    return ApiError(Problem.INVALID_PARAMETER, message, param=param)
