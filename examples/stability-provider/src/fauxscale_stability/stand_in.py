"""Stability AI's upscalers as fauxscale serves them: fast, creative, its results, and the balance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    JOB_OPTIONS,
    ApiError,
    Breach,
    Call,
    Endpoint,
    Form,
    Link,
    Made,
    Option,
    Parameter,
    Problem,
    Provider,
    Quota,
    Sent,
    Site,
    Work,
    as_base64,
    as_body,
    begin,
    enlarged,
    find_job,
    flat,
    from_text,
    judge,
    pace_of,
    perform,
    poll,
    prepare,
    result_of,
    text_of,
    values_in_force,
)

MIB = 1024 * 1024
DAY = 24 * 60 * 60
CREDIT = 0.01  # dollars

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
STYLES = (
    "3d-model",
    "analog-film",
    "anime",
    "cinematic",
    "comic-book",
    "digital-art",
    "enhance",
    "fantasy-art",
    "isometric",
    "line-art",
    "low-poly",
    "modeling-compound",
    "neon-punk",
    "origami",
    "photographic",
    "pixel-art",
    "tile-texture",
)

OUTPUT_FORMAT = Parameter(
    name="output_format",
    kind="string",
    about="the format of the result",
    default="png",
    choices=tuple(FORMATS),
)
FAST = (OUTPUT_FORMAT,)
CREATIVE = (
    Parameter(
        name="prompt",
        kind="string",
        about="what is to be seen in the result",
        required=True,
        least=1,
        most=10_000,
    ),
    Parameter(name="negative_prompt", kind="string", about="what is not to be seen in it", most=10_000),
    Parameter(name="seed", kind="integer", about="0 is a random one", default=0, least=0, most=4_294_967_294),
    Parameter(
        name="creativity", kind="number", about="how much is made up", default=0.3, least=0.1, most=0.5
    ),
    Parameter(name="style_preset", kind="string", about="a style", choices=STYLES),
    OUTPUT_FORMAT,
)

STATUS = {
    Problem.MISSING_KEY: 401,
    Problem.INVALID_KEY: 401,
    Problem.NO_FUNDS: 402,
    Problem.UNSAFE: 403,
    Problem.NOT_FOUND: 404,
    Problem.LINK_EXPIRED: 404,
    Problem.LINK_FORGED: 404,
    Problem.LINK_UNKNOWN: 404,
    Problem.WRONG_METHOD: 405,
    Problem.FILE_TOO_LARGE: 413,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.SERVER_ERROR: 500,
    Problem.UPSTREAM_ERROR: 502,
    Problem.UNAVAILABLE: 503,
    Problem.TIMEOUT: 504,
}
NAMES = {
    401: "unauthorized",
    402: "payment_required",
    403: "content_moderation",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
}
TEXTS = {
    400: "body: invalid",
    401: "authorization: invalid or missing header value",
    402: "You lack sufficient credits to make this request. Please purchase more credits at "
    "https://platform.stability.ai/account/credits and try again.",
    403: "Your request was flagged by our content moderation system, as a result your request was denied "
    "and you were not charged.",
    404: "id: the generation either does not exist or has expired.",
    413: "body: payloads cannot be larger than 10MiB in size",
    422: "English is the only supported language for this service.",
    429: "You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out "
    "for 60 seconds.",
}
TROUBLE = "An unexpected server error has occurred, please try again later."
# Where the service says the same whatever the reason was.
OWN = {
    Problem.MISSING_KEY: TEXTS[401],
    Problem.INVALID_KEY: TEXTS[401],
    Problem.NO_FUNDS: TEXTS[402],
    Problem.UNSAFE: TEXTS[403],
    Problem.LINK_EXPIRED: TEXTS[404],
    Problem.LINK_UNKNOWN: TEXTS[404],
    Problem.FILE_TOO_LARGE: TEXTS[413],
    Problem.TOO_MANY_PIXELS: f"image: unsupported dimensions - must be at most {MIB:,} pixels",
    Problem.RATE_LIMITED: TEXTS[429],
    Problem.TOO_MANY_IN_FLIGHT: TEXTS[429],
}


def _breach(breach: Breach) -> str:
    one = breach.parameter
    match breach.rule:
        case "missing":
            told = "is required"
        case "kind":
            told = f"must be of type {one.kind}"
        case "choice":
            told = f"must be one of {', '.join(one.choices)}"
        case "most":
            told = f"must be at most {one.most:g}"
        case _:
            told = f"must be at least {one.least:g}"
    return f"{one.name}: {told}"


def _values(form: Form, parameters: tuple[Parameter, ...]) -> dict[str, object]:
    sent: dict[str, object] = {}
    for one in parameters:
        part = form.last(one.name)
        if part is not None:
            sent[one.name] = from_text(one, part.data.decode("utf-8", "replace"))
    return values_in_force(parameters, sent, _breach)


def _image(form: Form) -> bytes:
    part = form.last("image")
    if part is None:
        raise ApiError(Problem.MISSING_PARAMETER, "image: is required", param="image")
    return part.data


def _wants_json(call: Call) -> bool:
    return "application/json" in call.request.headers.get("accept", "").lower()


async def _picture(call: Call, link: Link, seed: object, *, member: str) -> Response:
    """A result as the caller's Accept asks for it, with its seed and how it came about."""
    finish = "SUCCESS" if link.safe else "CONTENT_FILTERED"
    if not _wants_json(call):
        return await as_body(call, link, {"finish-reason": finish, "seed": str(seed)})
    words = {member: await as_base64(call, link), "finish_reason": finish, "seed": seed}
    return JSONResponse(words)


async def fast(call: Call) -> Response:
    form = await call.form(file=10 * MIB)
    image, values = _image(form), _values(form, FAST)
    wanted = Work(
        sources=(Sent(image, "image", sides=(32, 1536), max_pixels=MIB),),
        steps=(enlarged(4),),
        path=None,
        format=FORMATS[str(values["output_format"])],
        params=values,
    )
    result = (await perform(call, wanted)).results[0]
    return await _picture(call, result.link, result.seed, member="image")


def _to_4k(width: int, height: int) -> tuple[int, int]:
    longer = max(width, height)
    return max(1, round(width * 4096 / longer)), max(1, round(height * 4096 / longer))


async def creative(call: Call) -> Response:
    async def work() -> Made:
        form = await call.form(file=10 * MIB)
        image, values = _image(form), _values(form, CREATIVE)
        seed = values.get("seed")
        wanted = Work(
            sources=(Sent(image, "image", sides=(64, 16_384), max_pixels=MIB),),
            steps=(enlarged(4, _to_4k if call.setting("creative_output") == "4k" else None),),
            path=None,
            prompt=str(values["prompt"]),
            seed=seed if isinstance(seed, int) and seed else None,
            format=FORMATS[str(values["output_format"])],
            params=values,
        )
        outcome = await prepare(call, wanted, await judge(call, wanted), finished=False)
        return Made(outcome, {"seed": outcome.results[0].seed})

    drawn = await call.account.draw("generation")
    job = await begin(call, work, job_id=drawn.hex(), pace=pace_of(call))
    return JSONResponse({"id": job.id})


async def results(call: Call) -> Response:
    job = await find_job(call, call.params["id"])
    if job is None:
        raise ApiError(Problem.NOT_FOUND, TEXTS[404])
    await poll(call, job)
    done = await result_of(call, job)
    if done is None:
        return JSONResponse({"id": job.id, "status": "in-progress"}, 202)
    # A picture that was purged has left no link. `lives()` is about links that a reply gave out; this one never was,
    # and yet it comes to an end.
    result = next(iter(done.links), None)
    if result is None or result.revoked or (result.exp is not None and call.now >= result.exp):
        raise ApiError(Problem.NOT_FOUND, TEXTS[404], reason="results are kept for 24 hours")
    return await _picture(call, result, done.output["seed"], member=str(call.setting("results_member")))


async def balance(call: Call) -> Response:
    left = await call.account.balance()
    # A wallet without a limit has to say something: the free credits of a new account.
    return JSONResponse({"credits": 25.0 if left is None else left / 1e6 / CREDIT})


def word_error(call: Call, error: ApiError) -> Response:
    status = error.status or STATUS.get(error.problem, 400)
    text = text_of(error, status, TEXTS if status < 500 else {status: TROUBLE}, OWN)
    if error.param and not text.startswith(f"{error.param}:") and error.problem not in OWN:
        text = f"{error.param}: {text}"
    usual = NAMES.get(status, "internal_error" if status >= 500 else "bad_request")
    headers = {"allow": str(error.details.get("allow", ""))} if error.problem is Problem.WRONG_METHOD else {}
    body: Mapping[str, object] = {
        # Real ones are random. These are the same in each run, as everything here is.
        "id": hashlib.md5(f"{call.account.id} {call.entry.id}".encode()).hexdigest(),
        "name": error.details.get("code", usual),  # a test may order one by name
        "errors": [text],
    }
    return JSONResponse(body, status, headers)


def find_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


API = Site(
    prefix="/stability",
    hosts=("api.stability.ai",),
    endpoints=(
        Endpoint(
            operation="stability.fast",
            method="POST",
            path="/v2beta/stable-image/upscale/fast",
            handler=fast,
            price=flat(2 * CREDIT),
            answers="picture",
        ),
        Endpoint(
            operation="stability.creative",
            method="POST",
            path="/v2beta/stable-image/upscale/creative",
            handler=creative,
            price=flat(60 * CREDIT),
        ),
        Endpoint(
            operation="stability.results",
            method="GET",
            path="/v2beta/results/{id}",
            handler=results,
            answers="picture",
        ),
        Endpoint(operation="stability.balance", method="GET", path="/v1/user/balance", handler=balance),
    ),
)
PROVIDER = Provider(
    name="stability",
    sites=(API,),
    base="/stability",
    media=API,
    find_key=find_key,
    mint_key=lambda drawn: f"sk-{drawn.hex()[:48]}",
    word_error=word_error,
    env={"STABILITY_BASE_URL": "{base_url}", "STABILITY_API_KEY": "{key}"},
    link_life=DAY,
    key_prefix="sk-",
    quotas=(Quota(most=150, window=10),),
    options=(
        *JOB_OPTIONS,
        Option(
            name="creative_output",
            default="4x",
            choices=("4x", "4k"),
            why="the documentation says up to 4K resolution, 20 to 40 times the pixels, and no formula",
        ),
        Option(
            name="results_member",
            default="result",
            choices=("result", "image"),
            why="clients read the base64 of a result under either name; which one is sent is not settled",
        ),
    ),
    parameters=tuple(one.name for one in CREATIVE),
)
