"""JSON Schema (2020-12) of what a decision reads, derived from its fields."""

from typing import Any

from calculator import MODEL_VERSION
from calculator.fields import Field, fields_of
from calculator.verdict import Decision


def input_schema(name: str, decision: Decision) -> dict[str, Any]:
    """The schema of a decision's input. A number may also be given as text, as a reader would type it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.schema.json",
        "title": decision.question,
        "version": MODEL_VERSION,
        "type": "object",
        "additionalProperties": False,
        "properties": {field: _property(spec) for field, spec in fields_of(decision.Inputs).items()},
    }


def _property(spec: Field) -> dict[str, Any]:
    described = {"title": spec.label, **({"description": spec.hint} if spec.hint else {})}
    if spec.kind == "pick":
        return {**described, "enum": [value for value, _ in spec.options]}
    if spec.kind == "flag":
        return {**described, "type": "boolean"}
    if spec.kind == "paste":
        return {**described, "type": "string", "maxLength": spec.longest}
    number: dict[str, Any] = {
        "type": "integer" if spec.whole else "number",
        "minimum": spec.low,
        "maximum": spec.high,
    }
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    choices = [number, pair, {"type": "string", "maxLength": 200}]
    if spec.optional:
        choices.append({"type": "null"})
    unit = {"x-unit": spec.unit.name} if spec.unit else {}
    return {**described, **unit, "anyOf": choices}
