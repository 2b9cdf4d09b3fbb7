"""Money, limits and faults under race: 64 clients at once, in process and over sockets, and every sum exact.

A round has an account of its own and one of the stories below; what it is drawn from is the seed and its number.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from fauxscale import clock
from tests.pictures import picture

from .at_once import CLIENTS, Call, Reply, Way, control, in_process, over_sockets
from .harness import Limits
from .measures import peak
from .results import Result, machine

COUNT = 100_000
PROMISE = "money, limits and faults are exact, whatever 64 clients do at once"
_FAILURES = 20
_NOON = 1_800_000_000
_TURNS = 300
_PNG = picture("PNG", 8, 6)
_MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
_FILE = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%s\r\n'
_TEXT = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@dataclass(slots=True)
class Round:
    """One round under way: the account, the calls it made and what came of them, and what was not exact."""

    way: Way
    dice: random.Random
    calls: int
    account: str = ""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    made: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def open(self, **terms: object) -> None:
        opened = control(self.way, "POST", "/accounts", {"terms": terms})
        self.account, self.keys = opened["id"], opened["keys"]
        self.control("POST", "/clock/freeze", {"at": _NOON})

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return control(self.way, method, f"/accounts/{self.account}{path}", body)

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        replies = self.way.send(calls)
        self.made += len(calls)
        self.statuses.update(str(reply.status) for reply in replies)
        return replies

    def upscale(self, provider: str = "ideogram", images: int = 1) -> Call:
        """A call that is paid for: at Ideogram or Lumenfall, or at fal by `run` or through its `queue`."""
        if provider == "ideogram":
            text = json.dumps({"num_images": images}).encode()
            body = _TEXT % (b"image_request", text) + _FILE % (b"image_file", _PNG) + b"--b--\r\n"
            return Call("POST", "/ideogram/upscale", {"Api-Key": self.keys[provider], **_MULTIPART}, body)
        if provider == "lumenfall":
            head = _TEXT % (b"model", b"ideogram-upscale") + _TEXT % (b"n", b"%d" % images)
            headers = {"Authorization": f"Bearer {self.keys[provider]}", **_MULTIPART}
            body = head + _FILE % (b"image", _PNG) + b"--b--\r\n"
            return Call("POST", "/lumenfall/openai/v1/images/edits", headers, body)
        address = f"data:image/png;base64,{base64.b64encode(_PNG).decode()}"
        body = json.dumps({"image_url": address}).encode()
        headers = {"Authorization": f"Key {self.keys['fal']}", "Content-Type": "application/json"}
        return Call("POST", f"/fal/{provider}/fal-ai/ideogram/upscale", headers, body)

    def cheap(self) -> Call:
        """A call that is let in and refused for its body: it costs nothing."""
        headers = {"Api-Key": self.keys["ideogram"], **_MULTIPART}
        return Call("POST", "/ideogram/upscale", headers, b"--b--\r\n")

    def hold(self, what: str, found: object, meant: object) -> None:
        """Note what is not as it must be."""
        if found != meant:
            self.wrong.append(f"{what}: {found}, not {meant}")


Story = Callable[[Round], None]


def wallet(r: Round) -> None:
    """A wallet for some of the calls: exactly those are answered, and each is paid once."""
    provider = r.dice.choice(("ideogram", "lumenfall", "run"))
    r.open(balance=1_000.0, in_flight=1_000, rate_limit=1_000_000)
    r.send([r.upscale(provider)])
    price = r.control("GET", "/ledger")["charges"][0]["micros"]
    r.control("POST", "/reset", {"what": ["ledger"]})
    affordable = r.dice.randint(r.calls // 4, r.calls - 10)
    start = affordable * price + r.dice.randrange(price)
    r.control("PATCH", "/settings", {"balance": start / 1e6})
    replies = r.send([r.upscale(provider) for _ in range(r.calls)])
    paid = sum(reply.status == 200 for reply in replies)
    r.hold("calls answered", paid, affordable)
    r.hold("calls refused", sum(reply.status in (402, 403) for reply in replies), r.calls - affordable)
    hold_ledger(r, start, paid * price, paid)


def wallet_of_many(r: Round) -> None:
    """Calls of one to four images, where a small one may fit and a large one not: what was acknowledged is gone."""
    r.open(balance=1_000.0, in_flight=1_000)
    start = r.dice.randrange(20, r.calls * 2) * 60_000 + r.dice.randrange(60_000)
    r.control("PATCH", "/settings", {"balance": start / 1e6})
    mixed = r.send([r.upscale(images=r.dice.randint(1, 4)) for _ in range(r.calls // 2)])
    single = r.send([r.upscale() for _ in range(r.calls // 2)])
    paid = [len(reply.json()["data"]) for reply in (*mixed, *single) if reply.status == 200]
    hold_ledger(r, start, sum(paid) * 60_000, len(paid))
    if any(reply.status == 402 for reply in single):
        r.hold("money for one more is left", r.control("GET", "/ledger")["balance"] >= 60_000, False)


def hold_ledger(r: Round, start: int, acknowledged: int, charges: int) -> None:
    told = r.control("GET", "/ledger")
    r.hold("balance", told["balance"], start - acknowledged)
    r.hold("spent", told["spent"], acknowledged)
    r.hold("below zero", told["balance"] < 0, False)
    r.hold("charges", len(told["charges"]), charges)
    r.hold("calls charged for", len({one["call"] for one in told["charges"]}), charges)
    r.hold("sum of charges", sum(one["micros"] for one in told["charges"]), acknowledged)


def queue(r: Round) -> None:
    """Jobs that are done by now, and polled by many, with a wallet for some of them: each is charged once or never."""
    jobs = max(8, r.calls // 8)
    affordable = r.dice.randint(2, jobs - 2)
    r.open(balance=affordable * 0.06, in_flight=1_000, options={"fal.queue_seconds": 10})
    replies = r.send([r.upscale("queue") for _ in range(jobs)])
    r.hold("jobs taken", sum(reply.status == 200 for reply in replies), jobs)
    r.control("POST", "/clock/advance", {"seconds": 20})
    key = {"Authorization": f"Key {r.keys['fal']}"}
    paths = [reply.json()["response_url"].partition("/fal/")[2] for reply in replies if reply.status == 200]
    polls = [
        Call("GET", f"/fal/{path}{end}", key) for path in paths for end in ("/status", "", "/status", "")
    ]
    r.dice.shuffle(polls)
    r.send(polls)
    hold_ledger(r, affordable * 60_000, affordable * 60_000, affordable)


def rate_limit(r: Round) -> None:
    """So many calls a minute: exactly so many are let in, in each of several minutes."""
    limit = r.dice.randint(5, max(6, r.calls // 8))
    r.open(rate_limit=limit, in_flight=1_000)
    for minute in range(4):
        replies = r.send([r.cheap() for _ in range(r.calls // 4)])
        inside = sum(reply.status != 429 for reply in replies)
        r.hold(f"let in in minute {minute}", inside, min(limit, len(replies)))
        r.control("POST", "/clock/advance", {"seconds": 60})


def rolling_limits(r: Round) -> None:
    """AIgateway's 200 in ten seconds and 600 in sixty, both at once, as a hand would count them."""
    r.open(in_flight=1_000)
    headers = {"Authorization": f"Bearer {r.keys['aigateway']}", "Content-Type": "application/json"}
    now, entered = 0.0, list[float]()
    for _ in range(8):
        some = r.dice.randint(50, 260)
        free = min(
            most - sum(now - span < at <= now for at in entered) for most, span in ((200, 10), (600, 60))
        )
        replies = r.send([Call("POST", "/aigateway/v1/images/generations", headers, b"{")] * some)
        inside = sum(reply.status != 429 for reply in replies)
        r.hold(f"let in at {now:g} s", inside, min(some, free))
        entered += [now] * inside
        step = r.dice.choice((2.0, 5.0, 10.0, 31.0))
        r.control("POST", "/clock/advance", {"seconds": step})
        now += step


def places(r: Round) -> None:
    """So many at once: never one more, each place is free again, and who was refused paid nothing."""
    limit = r.dice.randint(1, 20)
    r.open(in_flight=limit, latency=0.002, balance=1_000.0)
    with counting_waits() as waits:
        replies = r.send([r.upscale() for _ in range(r.calls)])
    r.hold("more at once than places", waits.most > limit, False)
    r.hold("answers of other kinds", {reply.status for reply in replies} - {200, 429}, set[int]())
    answered = sum(reply.status == 200 for reply in replies)
    r.hold("calls that waited", waits.all, answered)
    hold_ledger(r, 1_000_000_000, answered * 60_000, answered)
    again = r.send([r.upscale()])
    r.hold("the place of the last", again[0].status, 200)


def faults(r: Round) -> None:
    """Faults so often as configured, of several rules, while some calls find no place and give theirs back.

    None is a 503, by which calls are put off.
    """
    some, few, after = r.dice.randint(3, r.calls // 4), r.dice.randint(1, 5), r.dice.randint(0, 9)
    r.open(in_flight=r.dice.choice((3, 1_000)), rate_limit=1_000_000)
    r.control("POST", "/faults", {"fault": "Fail", "status": 507, "times": some, "after": after})
    r.control("POST", "/faults", {"fault": "Fail", "status": 500, "times": few, "on": "ideogram"})
    script = [{"fault": "Fail", "status": 504}, {"fault": "Ok"}, {"fault": "Fail", "status": 502}] * 2
    r.control("POST", "/faults/script", {"script": script})
    told = Counter(reply.status for reply in r.send([r.upscale() for _ in range(r.calls)]))
    # Those that found no place gave their faults back: whoever comes next gets them.
    for _ in range(r.calls):
        if all(one["left"] == 0 for one in r.control("GET", "/faults")["faults"]):
            break
        told.update(reply.status for reply in r.send([r.upscale()]))
    meant = {507: some, 500: few, 504: 2, 502: 2}
    r.hold("faults told", {status: told[status] for status in meant}, meant)
    counted = [one["applied"] for one in r.control("GET", "/faults")["faults"]]
    r.hold("faults counted", counted, [some, few, 6])


def download_faults(r: Round) -> None:
    """One link read by all: the fault of downloads applies as often as configured, to no call and to no other read."""
    r.open(in_flight=1_000)
    (reply,) = r.send([r.upscale()])
    path = "/" + reply.json()["data"][0]["url"].partition("//")[2].partition("/")[2]
    times = r.dice.randint(1, r.calls // 2)
    body = {"fault": "Fail", "status": 503, "times": times, "on": "ideogram.download"}
    r.control("POST", "/faults", body)
    told = Counter(reply.status for reply in r.send([Call("GET", path)] * r.calls))
    r.hold("reads", dict(told), {503: times, 200: r.calls - times})
    (rule,) = r.control("GET", "/faults")["faults"]
    r.hold("faults counted", (rule["applied"], rule["left"]), (times, 0))


STORIES: tuple[Story, ...] = (
    wallet, wallet_of_many, queue, rate_limit, rolling_limits, places, faults, download_faults,
)  # fmt: skip


@dataclass(slots=True)
class Waits:
    """How many calls waited, and how many at once at most."""

    now: int = 0
    most: int = 0
    all: int = 0


@contextmanager
def counting_waits() -> Generator[Waits]:
    """Count the waits of this process' servers: a call with a latency waits while it holds its place."""
    real, waits, lock = clock.wait, Waits(), threading.Lock()

    async def wait(seconds: float) -> None:
        if seconds <= 0:
            return
        with lock:
            waits.now += 1
            waits.all += 1
            waits.most = max(waits.most, waits.now)
        try:
            await real(seconds)
            # By turns of the loop, and not by the clock: so that all who come meanwhile find the place taken.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        finally:
            with lock:
                waits.now -= 1

    with mock.patch("fauxscale.clock.wait", wait):
        yield waits


def play(story: Story, way: Way, dice: random.Random, calls: int) -> Round:
    """Play one round; what it raises is wrong, too."""
    played = Round(way, dice, calls)
    try:
        story(played)
    except Exception as error:  # whatever it is, it is not exact
        played.wrong.append(f"{type(error).__name__}: {error}"[:300])
    return played


def torture(seed: int, limits: Limits) -> Result:
    """Play rounds of about a thousand calls, one way and the other in turn, until the limits."""
    with in_process(random.Random(seed)) as one, over_sockets(random.Random(seed)) as other:
        return race("race", PROMISE, [one, other], STORIES, seed, limits)


def race(
    name: str, promise: str, ways: Sequence[Way], stories: Sequence[Story], seed: int, limits: Limits
) -> Result:
    """Play each story in each way in turn, until the limits."""
    result = Result(name, promise, seed, machine=machine(), date=f"{datetime.now(UTC):%Y-%m-%d}")
    begun, rounds = time.monotonic(), 0
    by_way: Counter[str] = Counter()
    histogram: Counter[str] = Counter()
    while result.count < limits.count and time.monotonic() - begun < limits.seconds:
        way, story = ways[rounds % len(ways)], stories[rounds // len(ways) % len(stories)]
        played = play(story, way, random.Random(f"{seed} {rounds}"), 1_000)
        control(way, "POST", "/reset")
        rounds += 1
        result.count += played.made
        by_way[way.name] += played.made
        histogram.update({f"{story.__name__}: {status}": n for status, n in played.statuses.items()})
        result.reached += played.made
        result.accepted += played.statuses["200"]
        result.failures += [f"round {rounds}, {story.__name__} {way.name}: {one_}" for one_ in played.wrong]
        if len(result.failures) >= _FAILURES:
            break
    result.seconds = time.monotonic() - begun
    result.peak_mib = peak() / 2**20
    result.histogram = dict(histogram)
    result.figures = {
        "rounds": f"{rounds:,}, of {len(stories)} stories",
        "clients at once": f"{CLIENTS}",
        **{f"calls {way_}": f"{count:,}" for way_, count in by_way.items()},
        "sums that were not exact": f"{len(result.failures):,}",
    }
    result.save(limits.kept)
    return result
