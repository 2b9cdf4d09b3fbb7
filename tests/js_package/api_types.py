"""Writes clients/js/api.d.ts, the types of the npm package, from the control API's description.

`python -m tests.js_package.api_types` rewrites the file; test_api_types.py fails where it is not what this writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
DESCRIPTION = ROOT / "mockserver" / "fauxscale" / "control" / "control.openapi.json"
TYPES = ROOT / "clients" / "js" / "api.d.ts"

HEAD = """\
// Written by `make types` from the control API's description; not to be changed by hand.
"""
WORDS: Mapping[str, str] = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "Record<string, unknown>",
}
# Schemas whose names mean something else to a reader of JavaScript.
NAMES: Mapping[str, str] = {"Error": "ErrorReply"}


def types(description: Mapping[str, Any]) -> str:
    """Write a description as TypeScript: an interface for each schema, and `Routes` with what each route takes and
    answers."""
    schemas = description["components"]["schemas"].items()
    return "\n".join([HEAD, *(_declaration(name, schema) for name, schema in schemas), _routes(description)])


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = _comment(schema.get("description", ""), "")
    if "properties" in schema:
        return f"{comment}export interface {NAMES.get(name, name)} {_members(schema, '')}\n"
    return f"{comment}export type {name} = {_type(schema, '')};\n"


def _routes(description: Mapping[str, Any]) -> str:
    lines = [
        "/** What each route takes and answers, by its method and path below `/__fauxscale/api`. */",
        "export interface Routes {",
    ]
    for path, item in description["paths"].items():
        for method, operation in item.items():
            lines.append(_comment(operation["summary"], "  ") + f'  "{method.upper()} {path}": {{')
            parameters = operation.get("parameters", ())
            for where in ("path", "query"):
                found = [one for one in parameters if one["in"] == where]
                members = {one["name"]: one["schema"] for one in found}
                required = [one["name"] for one in found if one.get("required")]
                lines.append(
                    f"    {where}: {_members({'properties': members, 'required': required}, '    ')};"
                )
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            lines.append(f"    body: {_type(body['schema'], '    ') if body else 'undefined'};")
            lines.append(f"    reply: {_reply(operation)};")
            lines.append("  };")
    return "\n".join([*lines, "}", ""])


def _reply(operation: Mapping[str, Any]) -> str:
    (content,) = (
        reply["content"] for status, reply in operation["responses"].items() if status.startswith("2")
    )
    if "application/json" in content:
        return _type(content["application/json"]["schema"], "    ")
    return "string" if "text/plain" in content else "Uint8Array"


def _members(schema: Mapping[str, Any], indent: str) -> str:
    return "\n".join(["{", *_each(schema, indent + "  "), f"{indent}}}"]) if schema["properties"] else "{}"


def _each(schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        about = [member["description"]] if "description" in member else []
        if "default" in member:
            about.append(f"Default: {json.dumps(member['default'])}.")
        comment = _comment(" ".join(about), indent)
        yield f"{comment}{indent}{name}{'' if name in required else '?'}: {_type(member, indent)};"


def _type(schema: Mapping[str, Any], indent: str) -> str:
    """The type of a schema. Raises ValueError for one that is written in a way this does not know."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return NAMES.get(name, name)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    for several, sign in (("oneOf", " | "), ("allOf", " & ")):
        if several in schema:
            return sign.join(_type(one, indent) for one in schema[several])
    if "type" not in schema:
        if set(schema) - {"default", "description"}:
            raise ValueError(f"no type for {json.dumps(schema)}")
        return "unknown"
    if schema["type"] == "array":
        if schema.get("minItems") == schema.get("maxItems") == 2:
            return f"[{', '.join([_type(schema['items'], indent)] * 2)}]"
        items = _type(schema["items"], indent)
        return f"{items}[]" if re.fullmatch(r"[\w<>, ]+|\[.*\]", items) else f"({items})[]"
    if "properties" in schema:
        return _members(schema, indent)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = dict(WORDS)
    if isinstance(values := schema.get("additionalProperties"), dict):
        words["object"] = f"Record<string, {_type(values, indent)}>"
    return " | ".join(dict.fromkeys(words[kind] for kind in kinds))


def _comment(text: str, indent: str) -> str:
    said = re.sub(r"\bNone\b", "null", text).replace("*/", "")
    return f"{indent}/** {said} */\n" if said else ""


def main() -> None:
    """Rewrite the file."""
    TYPES.write_text(types(json.loads(DESCRIPTION.read_text("utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
