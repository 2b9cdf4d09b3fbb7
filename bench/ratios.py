"""How a rate is measured here: rivals take turns in rounds, and the ratio is the median of the rounds'."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping


def compare(rivals: Mapping[str, Callable[[], float]], *, rounds: int, reference: str) -> dict[str, float]:
    """Each rival's rate as a multiple of the reference's. A rival is a call that returns its rate."""
    seen: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds):
        names = list(rivals)
        shift = number % len(names)
        rates = {name: rivals[name]() for name in names[shift:] + names[:shift]}
        for name, rate in rates.items():
            seen[name].append(rate / rates[reference])
    return {name: statistics.median(ratios) for name, ratios in seen.items()}
