"""A link's query has one spelling and one meaning."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxscale.errors import ApiError, Problem
from fauxscale.state.signing import Mac, Signer

SIGNER = Signer(b"secret")
PATH, EXP, OWNER = "/api/images/ephemeral/abc.png", 1_743_867_804, "acct_1"
QUERY = SIGNER.query(PATH, EXP, OWNER).encode()


def problem(path: str, query: bytes, owner: str, now: float) -> Problem | None:
    try:
        SIGNER.verify(path, query, owner, now)
    except ApiError as error:
        return error.problem
    return None


def test_the_query_looks_as_documented() -> None:
    assert QUERY.decode().startswith("exp=1743867804&sig=")
    assert len(QUERY) == len("exp=1743867804&sig=") + 64


@pytest.mark.parametrize(
    ("now", "expected"), [(EXP - 1, None), (EXP - 0.001, None), (EXP, Problem.LINK_EXPIRED)]
)
def test_a_link_is_dead_when_now_reaches_exp(now: float, expected: Problem | None) -> None:
    assert problem(PATH, QUERY, OWNER, now) is expected


@pytest.mark.parametrize(
    ("late", "told"), [(0, "this second"), (0.9, "this second"), (3_661, "01:01:01 ago")]
)
def test_the_reason_says_how_long_a_link_has_been_dead(late: float, told: str) -> None:
    with pytest.raises(ApiError) as caught:
        SIGNER.verify(PATH, QUERY, OWNER, EXP + late)
    assert f"expired at exp={EXP}, {told} by this account's clock" in caught.value.reason


def test_path_owner_and_secret_are_under_the_signature() -> None:
    assert problem(PATH + "x", QUERY, OWNER, 0) is Problem.LINK_FORGED
    assert problem(PATH, QUERY, "acct_2", 0) is Problem.LINK_FORGED
    assert Signer(b"other").query(PATH, EXP, OWNER).encode() != QUERY


@given(st.integers(0, len(QUERY) - 1), st.integers(0, 255), st.sampled_from(["set", "insert", "delete"]))
def test_no_changed_query_is_accepted(at: int, byte: int, how: str) -> None:
    end = at if how == "insert" else at + 1
    middle = b"" if how == "delete" else bytes([byte])
    changed = QUERY[:at] + middle + QUERY[end:]
    if changed != QUERY:
        assert problem(PATH, changed, OWNER, 0) is Problem.LINK_FORGED


@given(st.binary(max_size=120))
def test_no_bytes_are_an_accident(query: bytes) -> None:
    assert problem(PATH, query, OWNER, 0) is Problem.LINK_FORGED


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_a_mac_is_what_the_standard_library_makes_of_the_same(length: int) -> None:
    secret = bytes(range(length))
    for message in (b"", b"a", bytes(200)):
        assert Mac(secret)(message) == hmac.digest(secret, message, "sha256")
