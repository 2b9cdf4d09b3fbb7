"""Rows of a long list come back as they were put, packed or not."""

from __future__ import annotations

import hashlib

from fauxscale.state.ledger import Charge
from fauxscale.state.rows import BLOCK, Row, Rows

MANY = 5 * BLOCK + 7


def rows(count: int, most: int = 1_000_000) -> Rows:
    made = Rows(most)
    for number in range(count):
        made.append((f"charge {number}", 10))
    return made


def test_values_come_back_in_order_however_many_there_are() -> None:
    for count in (0, 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, MANY):
        made = rows(count)
        assert list(made) == [f"charge {number}" for number in range(count)]
        assert (len(made), made.size) == (count, 10 * count)


def test_the_oldest_go_first_and_can_be_put_back() -> None:
    made = rows(MANY)
    gone: list[Row] = [made.popleft() for _ in range(BLOCK + 3)]
    assert [value for value, _ in gone] == [f"charge {number}" for number in range(BLOCK + 3)]
    assert len(made) == len(list(made)) == MANY - len(gone)
    made.put_back(gone)
    made.append(("newest", 1))
    made.pop()
    assert list(made) == list(rows(MANY))
    assert made.size == 10 * MANY
    while len(made):
        made.popleft()
    assert (list(made), made.size) == ([], 0)


def test_few_of_a_long_list_are_objects_and_all_of_a_short_one() -> None:
    assert len(rows(MANY)._newest) < 2 * BLOCK
    assert len(rows(MANY, most=1_000)._newest) == MANY


def test_a_hundred_bytes_keep_a_charge() -> None:
    made = Rows(1_000_000)
    for number in range(100 * BLOCK):
        token = hashlib.sha256(str(number).encode()).hexdigest()[:22]
        upload = f"{{acct_0123456789ab}}:1:blobs/0123456789ab.{number}.0"
        at = 1.7e9 + number / 7
        charge = Charge(
            f"charge_{token}", at, "ideogram.upscale", 60_000, 1, f"call_{number}", (upload,), "0" * 32
        )
        made.append((charge, 1))
    assert sum(map(len, made._blocks)) < 100 * len(made)
