"""Card: an account's entry in the list of accounts."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Card(Struct, frozen=True):
    """The description of an account besides its state. `keys` are shortened, by provider ("*" is any)."""

    id: str
    label: str
    made: float
    keys: Mapping[str, str]
