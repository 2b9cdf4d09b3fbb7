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
# Micro-dollars for one finished image, by what was asked for.
Price: TypeAlias = Callable[[Mapping[str, object]], int]


def flat(dollars: float) -> Price:
    """The same price for each image, whatever was asked for."""
    amount = micros(dollars)
    return lambda params: amount


class Endpoint(Struct, frozen=True, kw_only=True):
    """One route. `operation` is its stable name, `path` the provider's own, in Starlette's path syntax.

    `price` makes micro-dollars for each finished image of the parameters (None: nothing is charged here).
    `needs_key` and `limited` are off for links, schemas and the like. `answers` names a success's content: JSON, which
    may hold pictures, a picture itself, or a stream. `kind` says how its calls count: latency, the calls that tests
    look at and recordings go by it. `any_origin`: pages of any web origin may read it, preflight included.
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
    # Whose call it is where no API key says so: a storage token or the address itself may.
    owner: Callable[[Call], Awaitable[Account | None]] | None = None

    def price_of(self, params: Mapping[str, object]) -> int:
        """Micro-dollars for one finished image of these parameters; 0 where nothing is charged."""
        return self.price(params) if self.price else 0


class Site(Struct, frozen=True, kw_only=True):
    """Endpoints that share an origin: under `prefix` on our one port, and at the real `hosts`.

    `at_root`: also at the root of our port, for clients that can swap nothing but the origin.
    """

    prefix: str
    hosts: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    at_root: bool = False


class Option(Struct, frozen=True, kw_only=True):
    """One setting of a provider. `why` says what is known of the real service, for the fidelity statement."""

    name: str
    default: Scalar
    why: str
    choices: tuple[Scalar, ...] = ()
    verified: bool = False


class Provider(Struct, frozen=True, kw_only=True):
    """One imitated service. See docs/adding-a-provider.md.

    `base` is the path of the base URL clients are given. `media` is the site links point to. `find_key`
    reads the API key a request came with, `mint_key` makes one in the provider's format from 32 random
    bytes. `word_error` answers a neutral error the provider's way. `env` maps the variables clients read
    to `{base_url}`, `{url}` or `{key}`. `key_prefix` tells whose call it is at a root path two providers share.
    `link_life` is in seconds.
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
    # Where its SDKs turn when a host fails, by that other host: never routed, always refused.
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    options: tuple[Option, ...] = ()
    # What its calls can be asked for, by the names they are journalled under: what tests may look calls up by.
    parameters: tuple[str, ...] = ()
    # Further variables, with `{host}`, for clients that speak nothing but https: given when the server does too.
    tls_env: Mapping[str, str] = field(default_factory=dict[str, str])
    # The body that tells a client's server how a job ended; None for a provider without webhooks. How it is signed:
    # as fal.ai does when None.
    notice: Callable[[Job, ApiError | None], str] | None = None
    signature: Signature | None = None
    # The codes of its errors with their statuses, for faults that name one; None: any code is passed on.
    codes: Mapping[str, int] | None = None
    # Headers every answer of this provider carries.
    headers: Callable[[Call], Mapping[str, str]] = lambda call: {}
    # What its options are unless chosen, by name. It follows from them.
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
    # What it told when it entered, what was known of its account then, and the link it reads.
    arrival: Arrival
    snapshot: Snapshot | None = None
    link: Link | None = None
    # How many things were drawn off the account's dice for this call.
    drawn: int = 0
    rate_limit: RateLimitStatus | None = None
    faults: CallFaults
    inlined: Inlined = field(default_factory=Inlined)

    @property
    def now(self) -> float:
        """The account's time, Unix seconds."""
        return self.clock.now()

    def masked(self, text: str) -> str:
        """A text without this call's secrets: for what is shown, or named in addresses, when the call is over."""
        return self.entry.mask().text(text)

    async def forgotten(self) -> bool:
        """Whether the account was closed, or forgotten in a reset, while this call was on its way."""
        return not await self.accounts.is_current(self.account)

    async def check_open(self) -> None:
        """Raise INVALID_KEY once the account is forgotten: this call is charged to no account any more."""
        if await self.forgotten():
            raise ApiError(
                Problem.INVALID_KEY,
                "Invalid API key",
                reason="the account was closed, or the server reset, while this call was on its way",
            )

    @property
    def api_version(self) -> str:
        """The recorded contract the provider follows in this call, "" where it has but one."""
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

        `whole` is what all of it may hold, where that is more than one file and a little; `files` and `parts` are
        how many there may be.
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
    """The address of `path` on the site this call came to, by the way it came: for what a client is to follow."""
    return origin(call) + ("" if call.reached == "host" else call.site.prefix) + path


def media_url(call: Call, path: str, exp: int | None = None) -> str:
    """The address of `path` on the provider's media site, signed when `exp` (Unix seconds) is given.

    Reached by prefix or root path it is on the origin the call came to, so that no reply ever leads out of
    this server; reached by real host, on the provider's real media host, which the same router serves.
    """
    media = call.provider.media
    base = f"https://{media.hosts[0]}" if call.reached == "host" else origin(call) + media.prefix
    if exp is None:
        return base + path
    return f"{base}{path}?{call.accounts.signer.query(path, exp, call.account.id)}"


def link(call: Call, to: Link) -> str:
    """The address of a result, signed where its service signs: on the origin this call came to."""
    return media_url(call, to.path, to.exp if to.signed else None)
