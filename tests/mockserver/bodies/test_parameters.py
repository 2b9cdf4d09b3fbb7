"""Parameters as data: each breach found and named, text read as its kind, the schema says the same rules."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxscale.bodies.parameters import Breach, Parameter, from_text, values_in_force
from fauxscale.errors import ApiError, Problem

TEXT = Parameter(name="text", kind="string", about="", most=5)
COUNT = Parameter(name="count", kind="integer", about="", least=1, most=10, default=1)
FACTOR = Parameter(name="factor", kind="number", about="", above=1, most=2)
FLAG = Parameter(name="flag", kind="boolean", about="", required=True)
COLOUR = Parameter(name="colour", kind="string", about="", choices=("red", "blue"))
ALL = (TEXT, COUNT, FACTOR, FLAG, COLOUR)


def refusal(one: Parameter, value: object) -> ApiError:
    with pytest.raises(ApiError) as caught:
        values_in_force((one,), {one.name: value}, lambda breach: f"{breach.parameter.name} {breach.rule}")
    return caught.value


def test_what_was_sent_is_in_force_and_the_default_where_nothing_was() -> None:
    assert values_in_force(ALL, {"flag": True, "text": None, "other": 1}, str) == {"flag": True, "count": 1}
    assert values_in_force(ALL, {"flag": False, "count": 3}, str) == {"flag": False, "count": 3}


@pytest.mark.parametrize(
    ("one", "value", "rule", "reason"),
    [
        (FLAG, None, "missing", "flag is required, got nothing"),
        (COUNT, "1", "kind", "count must be an integer, got '1'"),
        (COUNT, 1.5, "kind", "count must be an integer, got 1.5"),
        (COUNT, True, "kind", "count must be an integer, got True"),
        (FACTOR, False, "kind", "factor must be a number, got False"),
        (FLAG, 1, "kind", "flag must be a boolean, got 1"),
        (TEXT, [], "kind", "text must be a string, got []"),
        (COUNT, 0, "least", "count must be 1 or more, got 0"),
        (COUNT, 11, "most", "count must be 10 or less, got 11"),
        (FACTOR, 1, "above", "factor must be over 1, got 1"),
        (FACTOR, float("nan"), "above", "factor must be over 1, got nan"),
        (TEXT, "sixsix", "most", "text must have 5 characters or fewer, got 'sixsix'"),
        (COLOUR, "green", "choice", "colour must be one of red, blue, got 'green'"),
    ],
)
def test_a_breach_names_its_rule_and_the_value(one: Parameter, value: object, rule: str, reason: str) -> None:
    error = refusal(one, value)
    assert (str(error), error.reason, error.param) == (f"{one.name} {rule}", reason, one.name)
    assert error.problem is (Problem.MISSING_PARAMETER if rule == "missing" else Problem.INVALID_PARAMETER)


@pytest.mark.parametrize(
    ("one", "text", "value"),
    [
        (COUNT, "7", 7),
        (COUNT, " 7 ", 7),
        (COUNT, "-7", -7),
        (COUNT, "7.0", 7),
        (COUNT, "7.5", 7.5),
        (COUNT, "nan", "nan"),
        (FACTOR, "inf", "inf"),
        (FACTOR, "2", 2.0),
        (COUNT, "1_0", "1_0"),
        (COUNT, "٧", "٧"),
        (COUNT, "9" * 5000, "9" * 5000),
        (COUNT, "", ""),
        (FACTOR, "1.5", 1.5),
        (FACTOR, "1_5", "1_5"),
        (FACTOR, "much", "much"),
        (FLAG, "True", True),
        (FLAG, "0", False),
        (FLAG, "maybe", "maybe"),
        (TEXT, "7", "7"),
    ],
)
def test_text_is_read_as_its_kind_and_left_alone_where_it_is_not(
    one: Parameter, text: str, value: object
) -> None:
    assert from_text(one, text) == value
    assert type(from_text(one, text)) is type(value)


VALUES = st.none() | st.booleans() | st.integers(-2, 12) | st.floats(-1, 3) | st.text("redblu", max_size=7)
SENT = st.fixed_dictionaries({}, optional={one.name: VALUES for one in ALL})


@given(SENT)
def test_what_is_judged_well_is_what_the_schema_allows(sent: dict[str, Any]) -> None:
    given_values = {name: value for name, value in sent.items() if value is not None}
    schema = {"required": ["flag"], "properties": {one.name: one.schema() for one in ALL}}
    allowed = jsonschema_rs.validator_for(schema).is_valid(given_values)
    breaches: list[Breach] = []

    def note(breach: Breach) -> str:
        breaches.append(breach)
        return ""

    try:
        values_in_force(ALL, sent, note)
    except ApiError:
        assert len(breaches) == 1
    assert allowed == (not breaches)
