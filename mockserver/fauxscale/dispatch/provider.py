"""The seam: a provider is a value. Sites say where it answers, endpoints what, `Call` is what a handler gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from fauxscale import clock as time
from fauxscale import redact
from fauxscale.bodies.reader import Caps, Form, excess, outline, parse_json, read_body, read_form
from fauxscale.bodies.strict_json import is_object
from fauxscale.clock import Clock
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import BEYOND, AppliedFault, Fault, NotApplicable, Reply, to_json
from fauxscale.settings import Scalar, Terms
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.jobs import Job
from fauxscale.state.journal import Entry
from fauxscale.state.rate_limits import Quota, RateLimitStatus

from . import responses

Handler: TypeAlias = Callable[["Call"], Awaitable[Response]]
Reached = Literal["prefix", "root", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route. `operation` is its stable name, `path` the provider's own, in Starlette's path syntax.

    `price` is in micro-dollars for each finished image. `needs_key` and `limited` are off for links,
    schemas and the like. `kind` is "download" for what reads results.
    """

    operation: str
    method: str
    path: str
    handler: Handler
    price: int = 0
    needs_key: bool = True
    limited: bool = True
    kind: Literal["api", "download"] = "api"
    # Whose call it is where no API key says so: a storage token or the address itself may.
    owner: Callable[[Call], Awaitable[Account | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Endpoints that share an origin: under `prefix` on our one port, and at the real `hosts`.

    `at_root`: also at the root of our port, for clients that can swap nothing but the origin.
    """

    prefix: str
    hosts: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    at_root: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing about a provider that can be set. `why` says what is known, for the fidelity statement."""

    name: str
    default: Scalar
    why: str
    choices: tuple[Scalar, ...] = ()
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
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
    quota: Quota = field(default_factory=Quota)
    key_prefix: str = ""
    # Where its SDKs turn when a host fails, by that other host: never routed, always refused.
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    options: tuple[Option, ...] = ()
    # What its calls can be asked for, by the names they are journalled under: what tests may look calls up by.
    parameters: tuple[str, ...] = ()
    # Further variables, with `{host}`, for clients that speak nothing but https: given when the server does too.
    tls_env: Mapping[str, str] = field(default_factory=dict[str, str])
    # The body that tells a client's server how a job ended; None for a provider without webhooks.
    notice: Callable[[Job, ApiError | None], str] | None = None
    # The names of its errors with their statuses, for those who order one; None: any name is passed on.
    codes: Mapping[str, int] | None = None
    # Headers every answer of this provider carries.
    headers: Callable[[Call], Mapping[str, str]] = lambda call: {}


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way through the pipeline, and all its handler may use."""

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
    mask: redact.Mask
    caps: Caps
    # Tells the account from another that bears its id after a reset.
    proof: bytes | None = None
    standing: RateLimitStatus | None = None
    orders: list[AppliedFault] = field(default_factory=list[AppliedFault])
    delivered: list[AppliedFault] = field(default_factory=list[AppliedFault])
    flags: set[str] = field(default_factory=set[str])
    going: Reply | None = None
    # A fault that applies to every read of the links this call gives out.
    aftermath: Fault | None = None

    @property
    def now(self) -> float:
        """The account's time, Unix seconds."""
        return self.clock.now()

    async def forgotten(self) -> bool:
        """Whether the account was closed, or forgotten in a reset, while this call was on its way."""
        return await self.accounts.proof(self.account.id) != self.proof

    async def check_open(self) -> None:
        """Raises INVALID_KEY once the account is forgotten: nobody is charged for this call any more."""
        if await self.forgotten():
            raise ApiError(
                Problem.INVALID_KEY,
                "Invalid API key",
                reason="the account was closed, or the server reset, while this call was on its way",
            )

    def setting(self, name: str) -> Scalar:
        """A provider option: the account's, else the server's, else the provider's default."""
        full = f"{self.provider.name}.{name}"
        for options in (self.terms.options, self.accounts.settings.options):
            if full in options:
                return options[full]
        return next(one.default for one in self.provider.options if one.name == name)

    async def form(self, *, file: int) -> Form:
        """The multipart form of the request, files up to `file` bytes; its parts go into the journal."""
        caps = replace(self.caps, file=file)
        headers = self.request.headers
        try:
            form = await read_form(self.request.stream(), headers.get("content-type"), caps)
        except ApiError as refusal:
            if refusal.problem is Problem.FILE_TOO_LARGE:
                refusal.reason += excess(headers.get("content-length", ""), file)
            raise
        self.entry.parts = [outline(part, self.mask) for part in form.parts]
        return form

    async def json(self, cap: int) -> dict[str, object]:
        """The JSON object in the request's body, of `cap` bytes at most.

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
        return dict(value)

    async def wait(self, seconds: float) -> None:
        await time.wait(seconds)

    async def roll(self) -> float:
        return await self.account.roll()

    async def hang(self) -> None:
        await responses.hang(self.request.receive)

    async def take(self, count: float = inf) -> None:
        await responses.take(self.request.receive, count)

    @property
    def reply(self) -> Reply:
        assert self.going is not None  # spoil() filled it in
        return self.going

    async def spoil(self, response: Response) -> Response:
        """What goes out instead of `response` after the faults of the stage "reply". The journal learns whether
        it will arrive."""
        spoilt = await self._spoil(response)
        whole = getattr(spoilt, "whole", True)
        self.entry.arrived = whole and not await responses.has_left(self.request)
        return spoilt

    async def _spoil(self, response: Response) -> Response:
        # Faults want a success, and one that goes out.
        waiting = any(order.fault.stage == "reply" for order in self.orders)
        if (
            not waiting
            or response.status_code >= 300
            or not getattr(response, "arrives", hasattr(response, "body"))
        ):
            return response
        whole = Reply(response.headers.get("content-type", ""), bytes(response.body))
        self.going = replace(whole)
        await self.apply(("reply",))
        return (
            response
            if self.going == whole
            else responses.Spoiled(response, self.going, lambda: self.account.journal.leave(self.entry.id))
        )

    def flag(self, name: str) -> None:
        self.flags.add(name)

    async def apply(self, stages: Sequence[str]) -> None:
        """Apply the faults assigned to this call that belong to one of `stages`."""
        beyond = BEYOND.get(self.request.method, frozenset[str]())
        for order in self.orders:
            if order.fault.stage not in stages or order.fault.stage in beyond or order in self.delivered:
                continue
            if order.magic and any(one.fault == order.fault for one in self.delivered):
                continue  # staged by a script as well
            before = self.going and replace(self.going)
            self.delivered.append(order)
            try:
                await order.fault.apply(self)
                if order.fault.stage == "reply" and self.going == before:
                    raise NotApplicable("it changes nothing in this reply")
            except NotApplicable as why:
                self.delivered.remove(order)
                self.entry.reason = f"{type(order.fault).__name__} was ordered, but {why}"

    def settle(self) -> None:
        """Write down which faults applied. Those of an outcome go back where nothing came of the work."""
        if not self.entry.results:
            self.delivered = [one for one in self.delivered if one.outlasts(self.entry.rule)]
        self.entry.faults = [type(order.fault).__name__ for order in self.delivered]
        self.entry.configured = [to_json(order.fault) for order in self.delivered]

    async def apply_prompt_fault(self, fault: Fault | None) -> None:
        """Take an order that came with the call itself, in a magic word, and let its first stage apply."""
        if fault is not None and fault.kind == "download":
            self.aftermath = fault
        elif fault is not None:
            self.orders.append(AppliedFault("", fault, magic=True))
            await self.apply(("call",))


def origin(call: Call) -> str:
    """Scheme and host this call was made to."""
    return f"{call.request.scope['scheme']}://{call.request.headers.get('host', 'localhost')}"


def link(call: Call, path: str, exp: int | None = None) -> str:
    """The address of `path` on the provider's media site, signed when `exp` (Unix seconds) is given.

    Reached by prefix or root path it is on the origin the call came to, so that no reply ever leads out of
    this server; reached by real host, on the provider's real media host, which the same router serves.
    """
    media = call.provider.media
    base = f"https://{media.hosts[0]}" if call.reached == "host" else origin(call) + media.prefix
    if exp is None:
        return base + path
    return f"{base}{path}?{call.accounts.signer.query(path, exp, call.account.id)}"
