"""Provider, Site, Endpoint, Option and Call: the values a provider is made of, and what its handlers get.

A provider's functions take calls and a call names its provider, so both live here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace
from starlette.requests import Request
from starlette.responses import Response

from fauxscale.bodies.reader import Caps, Form, excess, outline, parse_json, read_body, read_form
from fauxscale.bodies.strict_json import is_object
from fauxscale.clock import Clock
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import RequestKind
from fauxscale.settings import Scalar, Terms, micros
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.jobs import Job
from fauxscale.state.journal import Entry, places
from fauxscale.state.link import Link
from fauxscale.state.passage import Arrival, Snapshot
from fauxscale.state.rate_limits import Quota, RateLimitStatus
from fauxscale.state.webhooks import Signature

from .call_faults import CallFaults
from .inline import Inlined

Handler: TypeAlias = Callable[["Call"], Awaitable[Response]]
Reached = Literal["prefix", "root", "host"]
# Micro-dollars for one finished image, by the call's parameters.
Price: TypeAlias = Callable[[Mapping[str, object]], int]


def flat(dollars: float) -> Price:
    """The same price for each image, for any parameters."""
    amount = micros(dollars)
    return lambda params: amount


class Endpoint(Struct, frozen=True, kw_only=True):
    """One route. `operation` is its stable name, `path` the provider's own, in Starlette's path syntax.

    `price` computes micro-dollars for each finished image from the parameters (None: nothing is charged).
    `needs_key` and `limited` are off for links, schemas and the like. `answers` names a success's content: JSON,
    which may hold pictures, a picture itself, or a stream. `kind` decides which latency applies, and whether tests
    and recordings see its calls as API calls or downloads. `any_origin`: pages of any web origin may read it,
    preflight included.
    """

    operation: str
    method: str
    path: str
    handler: Handler
    price: Price | None = None
    needs_key: bool = True
    limited: bool = True
    answers: Literal["json", "picture", "stream"] = "json"
    kind: RequestKind = "api"
    any_origin: bool = False
    # Finds the account if there is no API key: by a storage token, or by the address itself.
    owner: Callable[[Call], Awaitable[Account | None]] | None = None

    def price_of(self, params: Mapping[str, object]) -> int:
        """Micro-dollars for one finished image of these parameters; 0 if nothing is charged."""
        return self.price(params) if self.price else 0


class Site(Struct, frozen=True, kw_only=True):
    """Endpoints that share an origin: under `prefix` on our one port, and at the real `hosts`.

    `at_root`: also at the root of our port, for clients that can change only the origin.
    """

    prefix: str
    hosts: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    at_root: bool = False


class Option(Struct, frozen=True, kw_only=True):
    """One setting of a provider. `why` says what is known about the real service, for docs/fidelity.md."""

    name: str
    default: Scalar
    why: str
    choices: tuple[Scalar, ...] = ()
    verified: bool = False


class Provider(Struct, frozen=True, kw_only=True):
    """One imitated service. See docs/adding-a-provider.md.

    `base` is the path of the base URL for clients. `media` is the site of the links. `find_key` reads the API key
    of a request, `mint_key` makes one in the provider's format from 32 random bytes. `word_error` writes the reply
    for a neutral error. `env` maps the variables clients read to `{base_url}`, `{url}` or `{key}`. `key_prefix`
    selects the provider at a root path that two providers share. `link_life` is in seconds.
    """

    name: str
    sites: tuple[Site, ...]
    base: str
    media: Site
    find_key: Callable[[Request], str | None]
    mint_key: Callable[[bytes], str]
    word_error: Callable[[Call, ApiError], Response]
    env: Mapping[str, str]
    link_life: float
    quotas: tuple[Quota, ...] = ()
    key_prefix: str = ""
    # Other hosts that its SDKs try if a host fails, with that host: never routed, always refused.
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    options: tuple[Option, ...] = ()
    # The names under which its calls' parameters are journalled, and by which tests can find calls.
    parameters: tuple[str, ...] = ()
    # Further variables, with `{host}`, for clients that speak only https: set if the server does too.
    tls_env: Mapping[str, str] = field(default_factory=dict[str, str])
    # The body of the webhook for a job's end; None for a provider without webhooks. Its signature: fal.ai's if None.
    notice: Callable[[Job, ApiError | None], str] | None = None
    signature: Signature | None = None
    # The codes of its errors with their statuses, for faults that name one; None: any code is passed on.
    codes: Mapping[str, int] | None = None
    # Headers of every reply of this provider.
    headers: Callable[[Call], Mapping[str, str]] = lambda call: {}
    # The default values of its options, by name; computed.
    defaults: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])

    def __post_init__(self) -> None:
        force_setattr(self, "defaults", {one.name: one.default for one in self.options})


class Call(Struct, kw_only=True):
    """One request on its way through the pipeline, and everything its handler may use. `faults` are its faults."""

    request: Request
    provider: Provider
    site: Site
    endpoint: Endpoint
    params: Mapping[str, str]
    reached: Reached
    path: str
    accounts: Accounts
    account: Account
    terms: Terms
    clock: Clock
    entry: Entry
    caps: Caps
    # What was known when it entered, its account's snapshot then, and the link it reads.
    arrival: Arrival
    snapshot: Snapshot | None = None
    link: Link | None = None
    # How many dice of the account this call has drawn.
    drawn: int = 0
    rate_limit: RateLimitStatus | None = None
    faults: CallFaults
    inlined: Inlined = field(default_factory=Inlined)

    @property
    def now(self) -> float:
        """The account's time, Unix seconds."""
        return self.clock.now()

    def masked(self, text: str) -> str:
        """A text without this call's secrets: for anything that is shown, or part of an address, after the call."""
        return self.entry.mask().text(text)

    async def forgotten(self) -> bool:
        """Whether the account was closed, or forgotten in a reset, while this call ran."""
        return not await self.accounts.is_current(self.account)

    async def check_open(self) -> None:
        """Raise INVALID_KEY if the account is forgotten: this call cannot be charged to it any more."""
        if await self.forgotten():
            raise ApiError(
                Problem.INVALID_KEY,
                "Invalid API key",
                reason="the account was closed, or the server reset, while this call was on its way",
            )

    @property
    def api_version(self) -> str:
        """The recorded contract the provider follows in this call, "" if it has only one."""
        return str(self.setting("api_version")) if "api_version" in self.provider.defaults else ""

    def setting(self, name: str) -> Scalar:
        """The value of a provider option: the account's, else the server's, else the provider's default."""
        provider = self.provider
        for options in (self.terms.options, self.accounts.settings.options):
            if options and (full := f"{provider.name}.{name}") in options:
                return options[full]
        if name in provider.defaults:
            return provider.defaults[name]
        raise KeyError(f"{provider.name} has no option {name!r}")

    async def form(
        self, *, file: int, whole: int | None = None, files: int | None = None, parts: int | None = None
    ) -> Form:
        """Read the request's multipart form, files up to `file` bytes; its parts go into the journal.

        `whole` is the limit of the whole form, if it may hold more than one file; `files` and `parts` are limits of
        their number.
        """
        caps = _caps_of(self.caps, file, whole, files, parts)
        headers = self.request.headers
        try:
            form = await read_form(self.request.stream(), headers.get("content-type"), caps)
        except ApiError as refusal:
            if refusal.problem is Problem.FILE_TOO_LARGE:
                refusal.reason += excess(headers.get("content-length", ""), file)
            raise
        self.entry.parts = [outline(part) for part in form.parts]
        return form

    async def json(self, cap: int) -> dict[str, object]:
        """Read the JSON object in the request's body, `cap` bytes at most.

        Raises ApiError: WRONG_CONTENT_TYPE, FILE_TOO_LARGE, MALFORMED_BODY.
        """
        said = self.request.headers.get("content-type", "")
        kind = said.partition(";")[0].strip().lower()
        if kind not in ("", "application/json") and not kind.endswith("+json"):
            raise ApiError(
                Problem.WRONG_CONTENT_TYPE,
                "Content-Type must be application/json",
                reason=f"this endpoint reads JSON (application/json); the Content-Type sent is {said[:100]!r}",
                details={"wanted": "application/json", "received": kind},
            )
        value = parse_json(await read_body(self.request.stream(), cap, self.caps))
        if not is_object(value):
            raise ApiError(
                Problem.MALFORMED_BODY,
                "Request body must be a JSON object",
                reason=f"the body is JSON, but no object: it starts with {str(value)[:40]!r}",
                details={"wanted": "object", "input": value},
            )
        self.entry.sent = places(value)
        return dict(value)


@lru_cache(64)
def _caps_of(usual: Caps, file: int, whole: int | None, files: int | None, parts: int | None) -> Caps:
    return replace(
        usual,
        file=file,
        body=whole or usual.body,
        files=files or usual.files,
        parts=parts or usual.parts,
    )


def origin(call: Call) -> str:
    """Scheme and host that a call was made to."""
    return f"{call.request.scope['scheme']}://{call.request.headers.get('host', 'localhost')}"


def own_url(call: Call, path: str) -> str:
    """The address of `path` on the site this call came to, by the same way: for a client to follow."""
    return origin(call) + ("" if call.reached == "host" else call.site.prefix) + path


def media_url(call: Call, path: str, exp: int | None = None) -> str:
    """The address of `path` on the provider's media site, signed if `exp` (Unix seconds) is given.

    For a call by prefix or root path it is on the call's own origin, so that replies never lead out of this server;
    for a call by real host, it is on the provider's real media host, which the same router serves.
    """
    media = call.provider.media
    base = f"https://{media.hosts[0]}" if call.reached == "host" else origin(call) + media.prefix
    if exp is None:
        return base + path
    return f"{base}{path}?{call.accounts.signer.query(path, exp, call.account.id)}"


def link(call: Call, to: Link) -> str:
    """The address of a result on the origin this call came to, signed if its service signs links."""
    return media_url(call, to.path, to.exp if to.signed else None)
