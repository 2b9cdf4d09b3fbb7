"""Links to results, changed in every way a million tries think of: only the one that was given out is read, while it
lives. Judged by the app's own judgement, and every so often by the whole app, which must say the same."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import Scope

from fauxscale import Settings, create_app
from fauxscale.app import App
from fauxscale.clock import Clock
from fauxscale.dispatch.provider import Provider
from fauxscale.errors import ApiError
from fauxscale.hosts import named_host
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.operations.delivery import readable
from fauxscale.state.account import Account
from fauxscale.state.link import Link
from tests.asgi import answer, http_scope
from tests.pictures import picture

from .harness import Limits, Outcome, perform
from .results import Result

COUNT = 1_000_000
_WHOLE = 100  # one try in so many goes through the whole app as well
_UNCHANGED = 8  # and one in so many is a link as it was given out
# When links die: soon, at the ends of 31, 32 and 33 bits, before 1970, at its very beginning, in the year 9000.
EXPIRIES = (1_800_000_000, 2**31 - 1, 2**31, 2**32, 2**33, -999_913_600, 0, 1, 221_845_392_000)
_MOMENTS = (-86_400.0, -1.0, -0.001, 0.0, 0.001, 1.0, 86_400.0)
_OURS = ("127.0.0.1:1", "[::1]")  # other names of our own host
_METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "TRACE", "PROPFIND")
Dice = random.Random


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a link: as bytes on the wire, `ahead` seconds after it died (negative: before)."""

    link: int
    path: bytes
    query: bytes
    host: str = "localhost"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    ahead: float = -1.0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A link that was given out, and its addresses: on our own host, and on its real one."""

    link: Link
    account: Account
    addresses: tuple[tuple[str, bytes, bytes], ...]

    @property
    def exp(self) -> int:
        assert self.link.exp is not None
        return self.link.exp

    def read(self, number: int, way: int) -> Read:
        host, path, query = self.addresses[way % len(self.addresses)]
        return Read(number, path, query, host)


class Links:
    """The run: `broken` is a read that is answered though it must not be, or not though it must."""

    name = "links"
    promise = "of a link, one spelling is answered, and only while it lives"
    count = COUNT

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.ends: dict[tuple[str, bytes, bytes], int] = {}
        self.changed = self.agreed = 0

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Callable[[Read], Awaitable[Outcome]]]:
        app = create_app(Settings(token="so that signatures are secret", journal_entries=100))
        async with self.opened_on(app):
            yield lambda read: self.attempt(app, read)

    @asynccontextmanager
    async def opened_on(self, app: App) -> AsyncGenerator[None]:
        """With links given out by this app, which is closed at the end."""
        try:
            self.given = await _given_out(app)
            self.ends = {address: one.exp for one in self.given for address in one.addresses}
            yield
        finally:
            await app.accounts.close()

    def make(self, dice: Dice) -> Read:
        number = dice.randrange(len(self.given))
        read = self.given[number].read(number, dice.randrange(2))
        read = replace(read, ahead=dice.choice(_MOMENTS), whole=dice.randrange(_WHOLE) == 0)
        if dice.randrange(_UNCHANGED) == 0:
            return replace(read, ahead=-abs(read.ahead) - 0.001, method=dice.choice(("GET", "HEAD")))
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            read = dice.choice(MUTATIONS)(read, dice, self.given)
        return read

    def smaller(self, given: Read) -> Iterator[Read]:
        """With each part as it was given out, in turn."""
        for way in range(2):
            whole = self.given[given.link].read(given.link, way)
            for part in ("path", "query", "host", "method", "headers"):
                if getattr(given, part) != getattr(whole, part):
                    yield replace(given, **{part: getattr(whole, part)})

    def write(self, given: Read) -> bytes:
        query = b"?" + given.query if given.query else b""
        head = f"Host: {given.host}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.headers)
        line = given.method.encode() + b" " + given.path + query + b" HTTP/1.1\r\n"
        return line + head.encode() + f"\r\n; {given.ahead:+g} s after its end".encode()

    def expected(self, read: Read) -> bool:
        """Whether a read is to be answered: told from what was given out alone."""
        now = self.given[read.link].exp + read.ahead
        host = "localhost" if read.host in _OURS else read.host
        end = self.ends.get((host, read.path, read.query))
        return end is not None and now < end and read.method in ("GET", "HEAD")

    async def attempt(self, app: App, read: Read) -> Outcome:
        expected = self.expected(read)
        self.changed += not expected
        reached, answered = await judged(app, read, self.given[read.link].exp + read.ahead)
        if read.whole:
            status = await asked(app, self.given, read)
            # Preflights are answered for whoever may read, without a picture; a path may be of another operation.
            if status >= 500 or (status in (200, 206, 304, 416)) != answered:
                return Outcome("whole app", broken=f"is {status} of the app, judged {answered}")
            self.agreed += 1
        broken = "" if answered == expected else f"is {'answered' if answered else 'refused'}"
        what = f"{'as given out' if expected else 'changed or dead'}: {'answered' if answered else 'refused'}"
        return Outcome(what, reached=reached, accepted=answered, broken=broken)


def torture(seed: int, limits: Limits) -> Result:
    run = Links()
    result = perform(run, seed, limits)
    wrong = sum(1 for failure in result.failures if " is answered" in failure)
    result.figures["changed or dead links that were answered"] = f"{wrong:,} of {run.changed:,} of this run"
    result.figures["of these judged by the whole app as well"] = f"{run.agreed:,}, all alike"
    result.save(limits.kept)
    return result


async def _given_out(app: App) -> list[Given]:
    """A link for every provider that signs and every expiry, as the app makes and words them."""
    given: list[Given] = []
    signing = {"ideogram": "/api/images/ephemeral/{}.png", "aigateway": "/img/{}.png"}
    for name, form in signing.items():
        provider = next(one for one in app.routes.providers if one.name == name)
        for exp in EXPIRIES:
            account = await app.accounts.of_key(f"key of {name} {exp}", name)
            link_id = account.dice.id_of_call("link", 1, 0)
            source = await account.keep_upload(picture())
            made = Link(
                id=link_id, account=account.id, provider=name, operation=f"{name}.upscale",
                path=form.format(link_id), recipe=Recipe((source,), Enlarge(80, 60), "PNG"),
                width=80, height=60, exp=exp,
            )  # fmt: skip
            await account.links.keep(made)
            query = app.accounts.signer.query(made.path, exp, account.id).encode()
            given.append(Given(made, account, _addresses(provider, made.path, query)))
    return given


def _addresses(provider: Provider, path: str, query: bytes) -> tuple[tuple[str, bytes, bytes], ...]:
    media = provider.media
    return (("localhost", (media.prefix + path).encode(), query), (media.hosts[0], path.encode(), query))


def scope_of(read: Read) -> Scope:
    return http_scope(read.method, read.path, read.query, {"host": read.host, **dict(read.headers)})


async def judged(app: App, read: Read, now: float) -> tuple[bool, bool]:
    """Whether the app routes a read to the reader of links, and whether that answers it: its own judgement, without the
    work around it."""
    request = Request(scope_of(read))
    host = named_host(request.scope["headers"])
    if app._gate(host) is not None or app._is_ours(request.scope["path"], host):
        return False, False
    match = app.routes.find(request)
    if match is None or match.route is None:
        return False, False
    call = app._pipeline._call(request, match)
    if not call.arrival.link or call.endpoint.handler is not match.route.endpoint.handler:
        return False, False
    link = await app.accounts.link(call.arrival.link)
    try:
        readable(link, call.provider.name, call.path, read.query, app.accounts.signer, now)
    except ApiError:
        return True, False
    return True, True


async def asked(app: App, given: Sequence[Given], read: Read) -> int:
    """The status that the whole app answers a read with."""
    now = given[read.link].exp + read.ahead
    for one in given:
        await one.account.set_clock(Clock(frozen_at=now))
    status = (await answer(app, scope_of(read))).status
    # Nothing here ever waits: what a call left for the loop's next turn would pile up.
    await asyncio.sleep(0)
    return status


# Mutations: each makes another read of one, never in place.

Mutation = Callable[[Read, Dice, Sequence[Given]], Read]


def changed_bytes(data: bytes, dice: Dice) -> bytes:
    """One byte set, put in, taken out, or a piece doubled, swapped or cut: ASCII, as heads are."""
    at, byte = dice.randrange(len(data) + 1), bytes([dice.randrange(0x21, 0x7F)])
    span = dice.randint(1, 8)
    match dice.randrange(7):
        case 0:
            return data[:at] + byte + data[at + 1 :]
        case 1:
            return data[:at] + byte + data[at:]
        case 2:
            return data[:at] + data[at + 1 :]
        case 3:
            return data[:at] + data[at : at + span] + data[at:]
        case 4:
            return data[:at] + data[at + span :]
        case 5:
            return data[:at] + data[at : at + 2][::-1] + data[at + 2 :]
        case _:
            return data[:at] + data[at : at + 1].swapcase() + data[at + 1 :]


def of_bytes(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    if dice.random() < 0.3:
        return replace(read, path=_ascii(changed_bytes(read.path, dice)))
    return replace(read, query=changed_bytes(read.query, dice))


def encoded(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """A character, or all of them, percent-encoded: once, twice, in small letters, as UTF-8 too long for it."""
    of_path = dice.random() < 0.5
    data = read.path if of_path else read.query
    if not data:
        return read
    at = dice.randrange(len(data))
    one = data[at]
    spelt = dice.choice(
        (
            f"%{one:02x}",
            f"%{one:02X}",
            f"%25{one:02X}",
            f"%u00{one:02x}",
            f"%C{one >> 6:X}%{0x80 | one & 0x3F:X}",
        )
    )
    if dice.random() < 0.1:
        made = "".join(f"%{byte:02X}" for byte in data).encode()
    else:
        made = data[:at] + spelt.encode() + data[at + 1 :]
    return replace(read, path=made) if of_path else replace(read, query=made)


def of_path(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    path = read.path
    parts = path.split(b"/")
    at = dice.randrange(1, max(2, len(parts)))
    other = dice.choice(given).link.id.encode()
    made = dice.choice(
        (
            path + b"/", b"/" + path, path.replace(b"/", b"//", 1), path + b";x=1", path + b"%00", path + b"%00.png",
            path + b".png", path.replace(b".png", b".PNG"), path.replace(b".png", b".jpg"), path.replace(b".png", b""),
            path.upper(), path.lower(), path.title(), path + b"%20", path + b"%3Fexp=1", path + b"#x", path + b"?",
            path.replace(b"/", b"%2F"), path.replace(b"/", b"\\"), path.replace(b"/", b"%5C"), b"/fal/media" + path,
            b"/aigateway" + path, b"/ideogram" + path, b"/__fauxscale" + path, b"/lumenfall" + path,
            b"http://localhost" + path, b"//localhost" + path, b"/".join([*parts[:at], b".", *parts[at:]]),
            b"/".join([*parts[:at], b"x", b"..", *parts[at:]]), b"/".join([*parts[:at], b"%2e%2e", *parts[at:]]),
            b"/".join([*parts[:at], *parts[at + 1 :]]), b"/".join([*parts[:at], *parts[at : at + 1], *parts[at:]]),
            b"/".join([*parts[:-1], other + b".png"]), b"/" + parts[-1], path[len(b"/ideogram") :] or b"/",
        )
    )  # fmt: skip
    return replace(read, path=_ascii(made))


def of_query(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """Other orders, more members, other names, other separators."""
    exp, _, sig = read.query.partition(b"&")
    value, seal = exp.partition(b"=")[2], sig.partition(b"=")[2]
    some = dice.choice(
        (
            b"&".join((sig, exp)), b"&".join((exp, sig, sig)), b"&".join((exp, exp, sig)), b"&".join((exp, sig, exp)),
            read.query + b"&", b"&" + read.query, b"?" + read.query, read.query + b"&a=1", b"a=1&" + read.query,
            exp, sig, b"", exp + b"&sig=", b"exp=&" + sig, exp + b";" + sig, exp + b"&&" + sig, exp + b"&amp;" + sig,
            read.query.upper(), b"EXP=" + value + b"&" + sig, exp + b"&Sig=" + seal, exp + b"&signature=" + seal,
            exp + b"&sig=" + seal.upper(), read.query + b"#x", read.query + b"%23", read.query + b"%00",
            read.query + b"\x00", read.query + b"%20", b"%20" + read.query, read.query + b"+", read.query + b"\t",
            b"exp[]=" + value + b"&sig[]=" + seal, exp + b"&sig=" + seal[:-1], exp + b"&sig=" + seal + b"0",
            exp + b"&sig=" + seal[:32], exp + b"&sig=" + b"0" * 64, exp + b"&sig=" + seal[::-1], exp + sig,
            exp + b"&sig=" + seal + b"," + seal, read.query.replace(b"=", b"%3D"), read.query.replace(b"=", b"=="),
            read.query.replace(b"&", b"%26"), exp + b"&sig=" + quote(seal[:1] + b" " + seal[1:]).encode(),
            exp + b"&s\xc3\xacg=" + seal, b"exp=" + seal + b"&sig=" + value, b"&".join((b"now=0", exp, sig)),
        )
    )  # fmt: skip
    return replace(read, query=some)


def of_time(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """Another expiry under the same signature, and the same one in another spelling of the number."""
    exp, _, sig = read.query.partition(b"&")
    digits = exp.partition(b"=")[2]
    if not digits.removeprefix(b"-").isdigit() or len(digits) > 20:
        return read
    number = int(digits)
    wide = "".join(chr(0xFF10 + int(one)) if one.isdigit() else one for one in digits.decode())
    arabic = "".join(chr(0x660 + int(one)) if one.isdigit() else one for one in digits.decode())
    spelt = dice.choice(
        (
            f"{number + dice.choice((1, -1, 60, 3600, 86_400, 10**9, 10**14))}", f"{number:+d}", f" {number}",
            f"{number} ", f"0{number}", f"00{number}", f"-{number}", f"--{number}", f"{number}.0", f"{number}.",
            f"{number}e0", f"{number:e}", f"{number}e1", f"{number:#x}", f"{number:#o}", f"{number:#b}", f"{number:_}",
            f"{number:,}", f"{number}L", "9" * 15, "9" * 16, "9" * 4_301, "1" + "0" * 400, "1e400", "inf", "-inf",
            "nan", "Infinity", "0", "-0", "-1", "", "null", "true", f"{number}\x00", f"\x00{number}", "2038", wide,
            arabic, quote(wide), quote(arabic), quote(f"{number}\u200b"), f"{number}%00", f"%30{number}", "²",
            str(2**31), str(2**32), str(2**63), str(2**64), str(-(2**31)), f"{number}&exp={number + 1}",
        )
    )  # fmt: skip
    return replace(read, query=b"exp=" + spelt.encode() + b"&" + sig)


def of_another(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """The query, the signature or the path of another link."""
    other = dice.choice(given).addresses[dice.randrange(2)]
    match dice.randrange(4):
        case 0:
            return replace(read, query=other[2])
        case 1:
            return replace(read, path=other[1])
        case 2:
            return replace(read, query=read.query.partition(b"&")[0] + b"&" + other[2].partition(b"&")[2])
        case _:
            return replace(read, host=other[0])


def of_alphabet(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """The signature in base64, in another base, padded, with letters that only look like it."""
    exp, _, sig = read.query.partition(b"&")
    seal = sig.partition(b"=")[2].decode("latin-1")
    try:
        raw = bytes.fromhex(seal)
    except ValueError:
        return read
    if not raw:
        return read
    spelt = dice.choice(
        (
            base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), str(int(seal, 16)),
            base64.b32encode(raw).decode(), base64.b85encode(raw).decode(), seal + "=", seal + "==", "0x" + seal,
            raw.decode("latin-1"), quote(raw), " ".join(seal), ":".join(seal), seal.replace("a", "а"),
            seal.replace("0", "o"), seal.replace("1", "l"), f'"{seal}"', f"sha256={seal}", seal.replace("0", "０"),
        )
    )  # fmt: skip
    return replace(read, query=exp + b"&sig=" + spelt.encode())


def of_method(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    return replace(read, method=dice.choice(_METHODS))


def of_host(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    hosts = ("evil.example", "api.ideogram.ai", "ideogram.ai", "media.aigateway.sh", "fal.run", "", *_OURS)
    return replace(read, host=dice.choice(hosts))


def of_headers(read: Read, dice: Dice, given: Sequence[Given]) -> Read:
    """Headers that some servers let change an address, a method, a host, a time or who is asking. Of a link that
    lives they change nothing; so its end is passed or its signature broken too, half of the time."""
    path, query = read.path.decode("latin-1"), read.query.decode("latin-1")
    plain = f"{path}?{query}".replace("\x00", "").encode("ascii", "ignore").decode()
    pair = dice.choice(
        (
            ("X-Original-URL", plain), ("X-Rewrite-URL", plain), ("X-Forwarded-Path", plain),
            ("X-Accel-Redirect", plain),
            ("X-Forwarded-Host", "ideogram.ai"), ("X-Forwarded-Prefix", "/ideogram"), ("X-HTTP-Method-Override", "GET"),
            ("X-Forwarded-Proto", "https"), ("Forwarded", "host=ideogram.ai;proto=https"), ("Range", "bytes=0-1"),
            ("If-None-Match", "*"), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"), ("If-Range", '"x"'),
            ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Authorization", "Bearer anything"), ("Api-Key", "anything"),
            ("Origin", "http://evil.example"), ("Cookie", "sig=1"), ("X-Fauxscale-Token", "a-token"),
            ("Range", "bytes=5-2"), ("Range", "bytes=" + "0-0," * 200), ("Content-Length", "0"), ("Expect", "x"),
        )
    )  # fmt: skip
    read = replace(read, headers=(*read.headers, pair))
    how = dice.randrange(4)
    if how == 0:
        return replace(read, query=changed_bytes(read.query, dice))
    return replace(read, ahead=abs(read.ahead)) if how == 1 else read


def _ascii(path: bytes) -> bytes:
    """A path a client can send: from a slash or a scheme on, without blanks or a query."""
    return path.replace(b"?", b"%3F").replace(b" ", b"%20") or b"/"


MUTATIONS: tuple[Mutation, ...] = (
    of_bytes, of_bytes, of_bytes, encoded, of_path, of_query, of_query, of_time, of_time, of_another, of_alphabet,
    of_method, of_host, of_headers,
)  # fmt: skip
