"""JSON Schema (2020-12) of what a decision reads, derived from its fields, and of the report it gives."""

import json
from pathlib import Path
from pkgutil import get_data
from typing import Any, assert_never

from calculator import MODEL_VERSION, catalog
from calculator.fields import Ask, Assume, Field, Flag, Paste, Pick, fields_of
from calculator.verdict import AnyDecision

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write_schemas(folder: Path, address: str) -> list[str]:
    """Write the schema of each decision's input and of a report; gives the names of the files.

    address: where the folder will be found, with a slash at its end; each schema names itself by it.
    """
    schemas = {name: input_schema(name, catalog.decision(name), address) for name in catalog.names()}
    schemas["report"] = report_schema(address)
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        (folder / f"{name}.schema.json").write_text(json.dumps(schema, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return [f"{name}.schema.json" for name in schemas]


def report_schema(address: str = "") -> dict[str, Any]:
    """The schema of a report as JSON, the same for every decision. A number that is not finite is a text."""
    found: dict[str, Any] = json.loads(get_data(__name__, "report.schema.json") or b"")
    return found | {"$id": f"{address}report.schema.json", "version": MODEL_VERSION}


def input_schema(name: str, decision: AnyDecision, address: str = "") -> dict[str, Any]:
    """The schema of a decision's input. A number may also be given as text, as a reader would type it.

    address: where the site keeps its schemas, with a slash at its end.
    """
    return {
        "$schema": _DIALECT,
        "$id": f"{address}{name}.schema.json",
        "title": decision.question,
        "version": MODEL_VERSION,
        "type": "object",
        "additionalProperties": False,
        "properties": {field: _property(spec) for field, spec in fields_of(decision.Inputs).items()},
    }


def _property(spec: Field) -> dict[str, Any]:
    described = {"title": spec.label, **({"description": spec.hint} if spec.hint else {})}
    match spec:
        case Ask() | Assume():
            return {**described, **_number(spec)}
        case Pick():
            return {**described, "enum": [value for value, _ in spec.options]}
        case Flag():
            return {**described, "type": "boolean"}
        case Paste():
            return {**described, "type": "string", "maxLength": spec.longest}
        case _:
            assert_never(spec)


def _number(spec: Ask | Assume) -> dict[str, Any]:
    number: dict[str, Any] = {
        "type": "integer" if spec.whole else "number",
        "minimum": spec.low,
        "maximum": spec.high,
    }
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    choices = [number, pair, {"type": "string", "maxLength": 200}]
    if isinstance(spec, Ask) and spec.optional:
        choices.append({"type": "null"})
    return {"x-unit": spec.unit.name, "anyOf": choices}
