"""The description of the control API says what there is: forms and clients are made from it."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import jsonschema_rs
import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields

from fauxscale.faults import Fault, to_json
from fauxscale.faults.catalogue import KINDS, from_json
from fauxscale.settings import Terms

ROOT = Path(__file__).parents[3]
DESCRIPTION = json.loads((ROOT / "mockserver/fauxscale/control/control.openapi.json").read_text("utf-8"))
SCHEMAS = DESCRIPTION["components"]["schemas"]
TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def described(kind: type[Fault]) -> dict[str, Any]:
    """The JSON Schema of a kind of fault, as its class says it."""
    hints = get_type_hints(kind)
    members: dict[str, Any] = {"fault": {"const": kind.__name__}}
    required = ["fault"]
    for one in fields(cast("Any", kind)):
        member = shape(hints[one.name])
        if one.required:
            required.append(one.name)
        else:
            member["default"] = one.default if one.default_factory is NODEFAULT else one.default_factory()
        members[one.name] = member
    about = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return {
        "type": "object",
        "description": about,
        "properties": members,
        "required": required,
        "x-applies-to": kind.kind,
    }


def shape(hint: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(hint, types.UnionType):
        return {"type": [TYPES[one] for one in get_args(hint)]}
    if get_origin(hint) is not None and issubclass(get_origin(hint), Mapping):
        return {"type": "object"}
    return {} if hint is object else {"type": TYPES[hint]}


def test_every_kind_of_fault_is_described_with_its_members() -> None:
    assert SCHEMAS["Fault"]["oneOf"] == [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in KINDS]
    for kind in KINDS:
        assert SCHEMAS[kind.__name__] == described(kind), (
            f"the description of {kind.__name__} is not its class"
        )


def test_every_setting_of_an_account_is_described() -> None:
    assert set(SCHEMAS["Terms"]["properties"]) == set(Terms.__struct_fields__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_the_description_allows_is_a_fault_and_no_other_kind(kind: type[Fault]) -> None:
    schema = SCHEMAS[kind.__name__]
    values = {"status": 503, "seconds": 2, "pointer": "/data"}
    least = {name: values.get(name, kind.__name__) for name in schema["required"] if name != "fault"}
    fault = {"fault": kind.__name__, **least}
    whole = {"$ref": "#/components/schemas/Fault", "components": {"schemas": SCHEMAS}}
    assert jsonschema_rs.is_valid(whole, fault)
    assert to_json(from_json(fault))["fault"] == kind.__name__
    assert not jsonschema_rs.is_valid(whole, {**fault, "fault": "Nothing"})
