"""Money, limits and faults under race on four workers: 64 clients at once, one Redis, and every sum exact.

The stories are those of `race`; here whatever is read before it is written may be changed by another process meanwhile.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .at_once import CLIENTS, OverSockets
from .fleet import WORKERS, fleet
from .harness import Limits
from .race import STORIES, Round, Story, hold_ledger, places, race
from .results import Result

COUNT = 100_000
PROMISE = f"money, limits and faults are exact, whatever {CLIENTS} clients do at once on {WORKERS} workers"
_LATENCY = 0.05


def places_of_workers(r: Round) -> None:
    """So many at once over all workers: never one more, as the journal tells; who was refused paid nothing."""
    limit = r.dice.randint(2, 20)
    r.open(in_flight=limit, latency=_LATENCY, balance=1_000.0)
    replies = r.send([r.upscale("lumenfall") for _ in range(min(r.calls, 900))])  # the journal keeps so many
    answered = sum(reply.status == 200 for reply in replies)
    r.hold("answers of other kinds", {reply.status for reply in replies} - {200, 429}, set[int]())
    # Each held its place for as long as the latency, at least, until just after it ended.
    edges: list[tuple[float, int]] = []
    for one in r.control("GET", "/calls")["calls"]:
        if one["status"] == 200:
            edges += [(one["ended"] - _LATENCY + 0.002, 1), (one["ended"], -1)]
    now = most = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    r.hold("more at once than places", most > limit, False)
    r.hold("calls that the journal tells of", len(edges) // 2, answered)
    hold_ledger(r, 1_000_000_000, answered * 60_000, answered)


def torture(seed: int, limits: Limits) -> Result:
    """Play rounds of about a thousand calls on four workers until the limits."""
    stories: tuple[Story, ...] = tuple(places_of_workers if one is places else one for one in STORIES)
    with fleet(patience=30) as running, ThreadPoolExecutor(CLIENTS) as pool:
        way = OverSockets(running.url, pool, name=f"on {WORKERS} workers", patience=300)
        result = race("workers", PROMISE, [way], stories, seed, limits)
        way.close()
        if "Traceback" in running.said():
            result.failures.append("a mistake was logged")
            print(running.said()[-6_000:])
            result.save(limits.kept)
    return result
