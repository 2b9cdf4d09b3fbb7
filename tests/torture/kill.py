"""One of four workers is killed every five seconds under 64 clients, then Redis as well: nothing acknowledged is lost.

In the second half Redis is killed and restarted after every fourth worker; it writes to its disk before it answers
(`appendfsync always`).
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fauxscale.state.renewal import LEASE_LIFE
from tests.pictures import picture
from tests.processes import kill, until

from .at_once import CLIENTS, Call, Reply
from .fleet import Fleet, Line, fleet
from .harness import Limits
from .measures import peak
from .results import Result, machine

# Workers killed: one every five seconds, for two minutes without and two minutes with deaths of Redis.
COUNT = 48
PROMISE = "no acknowledged picture, charge, limit or fault is lost with a worker, or with Redis"
_EVERY = 5.0
_PICTURES = 40
_UPLOADERS, _ACCOUNTS = 40, 8
_PLACES, _HELD = 5, 0.25
_A_MINUTE = 40
_FAULTS = 600
_FREE_WITHIN = 10.0
# A picture that is put off for longer counts as lost.
_PUT_OFF = 60.0
_MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
_FILE = (
    b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%s\r\n'
    b"--b--\r\n"
)
# How long a client rests between its calls: 64 of them take a machine of two cores whole, and nothing would be timely.
_REST = 1.0


@dataclass(slots=True)
class Account:
    """An account, and what its clients know of it. `unheard`: calls that nobody answered, or that were put off."""

    id: str
    keys: dict[str, str]
    statuses: Counter[int] = field(default_factory=Counter[int])
    unheard: int = 0
    links: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def upload(self, data: bytes) -> Call:
        """A call of Ideogram."""
        body = _text("image_request", "{}") + _FILE % (b"image_file", data)
        return Call("POST", "/ideogram/upscale", {"Api-Key": self.keys["ideogram"], **_MULTIPART}, body)

    def slow(self, data: bytes) -> Call:
        """A call of Lumenfall, which holds its place and its faults for the account's latency before it does more."""
        body = _text("model", "ideogram-upscale") + _FILE % (b"image", data)
        headers = {"Authorization": f"Bearer {self.keys['lumenfall']}", **_MULTIPART}
        return Call("POST", "/lumenfall/openai/v1/images/edits", headers, body)

    def note(self, reply: Reply | None) -> None:
        with self.lock:
            if reply is None or reply.status == 503:
                self.unheard += 1
            else:
                self.statuses[reply.status] += 1


def _text(name: str, text: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()


@dataclass(slots=True)
class Half:
    """One half of the run: four workers, the accounts, the clients, and what was wrong."""

    fleet: Fleet
    dice: random.Random
    pictures: list[bytes]
    wrong: list[str] = field(default_factory=list[str])
    sums: Counter[str] = field(default_factory=Counter[str])
    slowest: dict[str, float] = field(default_factory=dict[str, float])
    over: threading.Event = field(default_factory=threading.Event)

    def open(self, **terms: object) -> Account:
        opened = self.fleet.control("POST", "/accounts", {"terms": terms})
        return Account(opened["id"], opened["keys"])

    def hold(self, what: str, holds: bool) -> None:
        if not holds:
            self.wrong.append(what)

    def play(self, kills: int, seconds: float, redis_dies: bool) -> None:
        """Let the clients call while workers are killed, then look whether all is there."""
        meant = self._meant()
        uploads = [self.open(in_flight=1_000) for _ in range(_ACCOUNTS)]
        places = self.open(in_flight=_PLACES, latency=_HELD)
        limited = self.open(rate_limit=_A_MINUTE, in_flight=1_000)
        faulty = self.open(in_flight=1_000, latency=0.05)
        self.fleet.control("POST", f"/accounts/{limited.id}/clock/freeze", {"at": 1_800_000_000})
        rule = {"fault": "Fail", "status": 504, "times": _FAULTS, "on": "lumenfall"}
        self.fleet.control("POST", f"/accounts/{faulty.id}/faults", rule)
        journals: dict[str, dict[str, dict[str, float]]] = {places.id: {}, limited.id: {}}
        data = self.pictures[0]
        others = ((places, places.slow(data)), (limited, limited.upload(data)), (faulty, faulty.slow(data)))
        with ThreadPoolExecutor(CLIENTS) as pool:
            for number in range(CLIENTS):
                if number < _UPLOADERS:
                    pool.submit(self._upload, uploads[number % _ACCOUNTS], random.Random(number))
                else:
                    pool.submit(self._call, *others[number % 3])
            try:
                self._kill(kills, seconds, redis_dies, lambda: self._between(limited, journals))
            finally:
                self.over.set()
        self._between(limited, journals)
        self._hold_pictures(uploads, meant)
        self._hold_charges(uploads)
        self._hold_places(journals[places.id])
        self._hold_minutes(limited, journals[limited.id])
        self._hold_faults(faulty)
        self._hold_freed()
        for account in (*uploads, places, limited, faulty):
            allowed = {200, 429, 504} if account is faulty else {200, 429}
            self.hold(f"answers of other kinds: {dict(account.statuses)}", set(account.statuses) <= allowed)
            self.sums["calls"] += sum(account.statuses.values()) + account.unheard
            self.sums["answered"] += sum(account.statuses.values())
            self.sums["not answered, or put off"] += account.unheard

    # What clients do

    def _upload(self, account: Account, dice: random.Random) -> None:
        """Send pictures, and now and then read one at once."""
        line = Line(self.fleet.address)
        while not self.over.is_set():
            number = dice.randrange(_PICTURES)
            reply = line.send(account.upload(self.pictures[number]))
            account.note(reply)
            if reply is not None and reply.status == 200:
                url = str(reply.json()["data"][0]["url"]).partition(self.fleet.address)[2]
                with account.lock:
                    account.links.append((url, number))
                if dice.random() < 0.05:
                    line.send(Call("GET", url))
            self.over.wait(_REST)
        line.close()

    def _call(self, account: Account, call: Call) -> None:
        line = Line(self.fleet.address)
        while not self.over.is_set():
            account.note(line.send(call))
            self.over.wait(_REST / 3)
        line.close()

    # What dies

    def _kill(self, kills: int, seconds: float, redis_dies: bool, between: Callable[[], None]) -> None:
        begun = time.monotonic()
        for number in range(kills):
            self.over.wait(max(0.0, begun + number * _EVERY + _EVERY / 2 - time.monotonic()))
            if time.monotonic() - begun > seconds:
                return
            kill(self.dice.choice(self.fleet.workers()[:-1]))
            self.sums["workers killed"] += 1
            if redis_dies and number % 4 == 3:
                self.fleet.redis.restart()
                since = time.monotonic()
                self.sums["Redis killed"] += 1
                self.fleet.control("GET", "/accounts")
                self._slowest("answers after Redis is back", time.monotonic() - since)
            between()

    def _slowest(self, what: str, seconds: float) -> None:
        self.slowest[what] = max(self.slowest.get(what, 0.0), seconds)

    def _between(self, limited: Account, journals: dict[str, dict[str, dict[str, float]]]) -> None:
        """Read the journals, which keep the newest calls alone, and begin another minute."""
        for account, known in journals.items():
            told = self.fleet.control("GET", f"/accounts/{account}/calls")["calls"]
            known.update({one["id"]: one for one in told})
        self.fleet.control("POST", f"/accounts/{limited.id}/clock/advance", {"seconds": 60})

    # What must hold

    def _meant(self) -> list[str]:
        """The SHA-256 of each picture's result, as long as nothing dies."""
        account, line = self.open(), Line(self.fleet.address)
        found: list[str] = []
        for data in self.pictures:
            reply = line.send(account.upload(data))
            assert reply is not None
            assert reply.status == 200, reply.body
            result = line.send(Call("GET", reply.json()["data"][0]["url"].partition(self.fleet.address)[2]))
            assert result is not None
            found.append(hashlib.sha256(result.body).hexdigest())
        line.close()
        return found

    def _hold_pictures(self, accounts: Sequence[Account], meant: Sequence[str]) -> None:
        """Every link that was acknowledged leads to its picture, byte for byte."""
        lines = threading.local()

        def check(link: tuple[str, int]) -> str:
            lines.one = line = getattr(lines, "one", None) or Line(self.fleet.address)
            reply = line.send(Call("GET", link[0]))
            latest = time.monotonic() + _PUT_OFF
            while (reply is None or reply.status == 503) and time.monotonic() < latest:
                time.sleep(0.2)  # put off: Redis is slow, or a worker has just died
                reply = line.send(Call("GET", link[0]))
            if reply is None or reply.status != 200:
                return f"an acknowledged picture is lost: {reply and (reply.status, reply.body[:100])}"
            if hashlib.sha256(reply.body).hexdigest() != meant[link[1]]:
                return "an acknowledged picture is another one"
            return ""

        links = [link for account in accounts for link in account.links]
        with ThreadPoolExecutor(8) as pool:
            self.wrong += [wrong for wrong in pool.map(check, links) if wrong][:20]
        self.sums["pictures acknowledged, and compared"] += len(links)

    def _hold_charges(self, accounts: Sequence[Account]) -> None:
        """One charge for each acknowledged call, at most one for each of the others."""
        for account in accounts:
            told = self.fleet.control("GET", f"/accounts/{account.id}/ledger")
            charges = Counter(one["id"] for one in told["charges"])
            links = self.fleet.control("GET", f"/accounts/{account.id}/links")["links"]
            paid = {one["url"].partition(self.fleet.address)[2]: one["charge"] for one in links}
            mine = Counter(paid.get(url, "") for url, _ in account.links)
            self.hold("acknowledged calls share a charge", all(count == 1 for count in mine.values()))
            self.hold("an acknowledged call has no charge", all(charges[one] == 1 for one in mine))
            calls = Counter(one["call"] for one in told["charges"])
            self.hold("a call has two charges", all(count == 1 for count in calls.values()))
            extra = len(told["charges"]) - len(account.links)
            self.hold(
                f"{extra} charges beside {account.unheard} unanswered calls", 0 <= extra <= account.unheard
            )
            spent = sum(one["micros"] for one in told["charges"])
            self.hold(f"spent {told['spent']}, charged {spent}", told["spent"] == spent)
            self.sums["charges"] += len(told["charges"])
            self.sums["charges of calls that nobody heard the end of"] += extra

    def _hold_places(self, journal: dict[str, dict[str, float]]) -> None:
        """No more calls at once than places: each that was let in held one for as long as its latency, at least."""
        edges: list[tuple[float, int]] = []
        for one in journal.values():
            if one["status"] == 200:
                edges += [(one["ended"] - _HELD + 0.005, 1), (one["ended"], -1)]
        now = most = 0
        for _, step in sorted(edges):
            now += step
            most = max(most, now)
        self.hold(f"{most} calls at once on {_PLACES} places", most <= _PLACES)
        self.sums["calls that held a place"] += len(edges) // 2
        self.slowest["calls at once, of 5 places"] = max(
            self.slowest.get("calls at once, of 5 places", 0), most
        )

    def _hold_minutes(self, account: Account, journal: dict[str, dict[str, float]]) -> None:
        minutes = Counter(one["at"] for one in journal.values() if one["status"] == 200)
        most = max(minutes.values(), default=0)
        self.hold(f"{most} calls in a minute of {_A_MINUTE}", most <= _A_MINUTE)
        passed = len({one["at"] for one in journal.values()})
        self.hold("more were let in than all minutes hold", account.statuses[200] <= passed * _A_MINUTE)
        self.sums["calls let in by the rate limit"] += account.statuses[200]

    def _hold_faults(self, account: Account) -> None:
        """Each fault at most as often as configured, and all of them offered in time: what the dead held, again."""
        line, since = Line(self.fleet.address), time.monotonic()
        while time.monotonic() - since < _FREE_WITHIN:
            account.note(line.send(account.slow(self.pictures[0])))
        answered = account.statuses[200]
        while account.statuses[504] < _FAULTS and account.statuses[200] == answered:
            account.note(line.send(account.slow(self.pictures[0])))  # those that nobody held yet
        told = account.statuses[504]
        self.hold(f"{told} faults told of {_FAULTS}", told <= _FAULTS)
        lost = _FAULTS - told
        self.hold(f"{lost} faults lost, {account.unheard} calls unanswered", lost <= account.unheard)
        (rule,) = self.fleet.control("GET", f"/accounts/{account.id}/faults")["faults"]
        self.hold(f"{rule['left']} faults are left", rule["left"] == 0)
        self.sums["faults told"] += told
        self.sums["faults whose reply was lost"] += lost
        line.close()

    def _hold_freed(self) -> None:
        """All workers that serve die at once: what they held, places and faults, is free within ten seconds."""
        account = self.open(in_flight=3, latency=60)
        rule = {"fault": "Fail", "status": 504, "times": 3, "on": "lumenfall"}
        self.fleet.control("POST", f"/accounts/{account.id}/faults", rule)
        path = f"/accounts/{account.id}"

        def held() -> bool:
            (told,) = self.fleet.control("GET", f"{path}/faults")["faults"]
            return int(told["applied"]) == 3

        with ThreadPoolExecutor(3) as pool:
            hung = [
                pool.submit(Line(self.fleet.address).send, account.slow(self.pictures[0])) for _ in range(3)
            ]
            self.hold("three calls hold three places and three faults", until(held))
            time.sleep(LEASE_LIFE / 2)  # they are renewed meanwhile
            line = Line(self.fleet.address)
            full = line.send(account.slow(self.pictures[0]))
            self.hold("no place is free while they live", full is not None and full.status == 429)
            for pid in self.fleet.workers()[:-1]:
                kill(pid)
            died = time.monotonic()
            self.hold("the dead have answered", all(one.result() is None for one in hung))
        self.fleet.control("PATCH", f"{path}/settings", {"latency": 0})
        told: list[int] = []
        while told.count(504) < 3 and time.monotonic() - died < 30:
            reply = line.send(account.slow(self.pictures[0]))
            told.append(reply.status if reply else 0)
            if (
                reply is not None
                and reply.status != 429
                and "a dead worker's places are free" not in self.slowest
            ):
                self._slowest("a dead worker's places are free", time.monotonic() - died)
            time.sleep(0.05)
        took = time.monotonic() - died
        self._slowest("what they were assigned is offered again", took)
        self.hold(f"places and faults are free after {took:.1f} s", took <= _FREE_WITHIN)
        self.hold(f"faults told {told.count(504)} times of 3", told.count(504) == 3)
        line.close()


def torture(seed: int, limits: Limits) -> Result:
    """Both halves; each is as long as the limits let it be."""
    result = Result("kill", PROMISE, seed, machine=machine(), date=f"{datetime.now(UTC):%Y-%m-%d}")
    begun, dice = time.monotonic(), random.Random(seed)
    pictures = [picture("PNG", 24 + number, 18) for number in range(_PICTURES)]
    sums: Counter[str] = Counter()
    slowest: dict[str, float] = {}
    waited: list[float] = []
    loaded: list[float] = []
    for redis_dies in (False, True):
        with fleet(durable=redis_dies) as running:
            half = Half(running, dice, pictures)
            half.play(limits.count // 2, limits.seconds / 2, redis_dies)
            name = "workers and Redis die" if redis_dies else "workers die"
            result.failures += [f"{name}: {one}" for one in half.wrong]
            said = running.said()
            result.failures += [f"{name}: a mistake was logged"] * ("Traceback" in said)
            if "Traceback" in said:
                print(said[-6_000:])
            after = running.replaced()
            waited += after[0]
            loaded += after[1]
            sums += half.sums
            for what, most in half.slowest.items():
                slowest[what] = max(slowest.get(what, 0.0), most)
            result.histogram |= {f"{name}: {what}": count for what, count in half.sums.items()}
    result.seconds = time.monotonic() - begun
    result.count = sums["workers killed"]
    result.reached, result.accepted = sums["workers killed"], sums["workers killed"]
    result.charges = sums["charges"]
    result.peak_mib = peak() / 2**20
    if slowest.get("calls at once, of 5 places", 0) < _PLACES:
        result.failures.append("the places were never all taken")
    most = max(waited, default=0.0)
    if most > 1.0:
        result.failures.append(f"a dead worker was replaced after {most:.2f} s")
    result.figures = {
        "clients at once": f"{CLIENTS}",
        "calls": f"{sums['calls']:,}",
        "one that waits serves after": f"{most:.2f} s at most, {len(waited)} times",
        "one that has to be loaded serves after": f"{max(loaded, default=0.0):.2f} s at most, {len(loaded)} times",
        **{what: f"{seconds:.2f} s at most" for what, seconds in slowest.items() if " of " not in what},
        **{what: f"{count:g} at most" for what, count in slowest.items() if " of " in what},
    }
    result.save(limits.kept)
    return result
