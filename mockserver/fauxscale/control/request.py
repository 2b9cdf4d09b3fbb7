"""The value every control route gets: the server's state, the call's arguments, and how to read them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from msgspec import Struct, field
from starlette.requests import Request

from fauxscale.bodies.reader import Caps, parse_json, read_body
from fauxscale.bodies.strict_json import is_object
from fauxscale.dispatch.provider import Provider
from fauxscale.errors import ApiError
from fauxscale.operations.job_results import catch_up
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts

from . import members
from .metrics import Metrics

_CAP = 4 * 1024 * 1024
JsonObject: TypeAlias = dict[str, object]


class Missing(Exception):
    """The path names something that does not exist: 404."""


class Busy(Exception):
    """Too much is being done at once: 503, try again later."""


class Waiters:
    """Counts the control calls that wait, since each checks again whenever anything happens."""

    MOST = 200

    def __init__(self) -> None:
        self._count = 0

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Count one while entered. Raises Busy if MOST wait."""
        if self._count >= self.MOST:
            raise Busy(f"{self.MOST} calls are waiting already; retry later, or without `wait`")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class Ask(Struct):
    """One control call. `parts` are the segments of its path by their names in the route; `arguments` is its JSON
    object, empty for none."""

    request: Request
    accounts: Accounts
    providers: Mapping[str, Provider]
    waiters: Waiters
    metrics: Metrics
    parts: Mapping[str, str]
    arguments: JsonObject = field(default_factory=dict[str, object])
    of: Account | None = None

    @property
    def account(self) -> Account:
        """The account the path names."""
        assert self.of is not None  # routes with an id get it before their handler runs
        return self.of

    def part(self, name: str) -> str:
        """A segment of the path, by its name in the route."""
        return self.parts[name]

    async def read(self) -> None:
        """Read the body. Raises ValueError if it is neither empty nor a JSON object."""
        try:
            body = await read_body(self.request.stream(), _CAP, Caps())
            value: object = parse_json(body) if body else dict[str, object]()
        except ApiError as error:
            raise ValueError(error.reason or error.message) from None
        if not is_object(value):
            raise ValueError(f"send a JSON object, not {body[:40].decode(errors='replace')!r}")
        self.arguments = dict(value)

    def know(self, *names: str) -> None:
        """Raise ValueError for arguments other than these."""
        members.know(self.arguments, *names)

    def number(self, name: str, default: float = 0.0) -> float:
        return members.number(self.arguments, name, default)

    def whole(self, name: str, default: int = 0) -> int:
        return members.whole(self.arguments, name, default)

    def text(self, name: str, default: str = "") -> str:
        return members.text(self.arguments, name, default)

    def codes(self, provider: str) -> Mapping[str, int] | None:
        """A provider's own error codes with their statuses; None if any code is accepted."""
        known = self.providers.get(provider)
        return None if known is None else known.codes

    async def now(self) -> float:
        """The account's time, Unix seconds."""
        return (await self.account.clock()).now()

    async def catch_up(self) -> None:
        """Finish what is due by the account's clock."""
        await catch_up(self.accounts, self.account, self.providers)


class ControlRoute(Struct, frozen=True):
    """One route. `path` is below the API's own; the handler returns a Response or a value to encode as JSON."""

    method: str
    path: str
    handler: Callable[[Ask], Awaitable[object]]
    status: int = 200
