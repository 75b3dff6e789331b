"""Writes the OpenAPI description of a worker, from its own type annotations, to standard output.

The server answers bad input with 422 only if it finds this file as .cog/openapi_schema.json.
    python schema.py predict Runner > .cog/openapi_schema.json
"""

import json
import sys
from typing import Any

from cog._inspector import create_predictor


def input_field(field: Any) -> dict[str, Any]:
    described: dict[str, Any] = dict(field.type.json_type())
    described["title"] = field.name.replace("_", " ").title()
    described["x-order"] = field.order
    limits = {
        "description": field.description,
        "minimum": field.ge,
        "maximum": field.le,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "pattern": field.regex,
        "enum": field.choices,
        "default": field.default,
    }
    described.update({key: value for key, value in limits.items() if value is not None})
    if field.type.repetition.name.startswith("OPTIONAL"):
        described["nullable"] = True
    return described


def is_required(field: Any) -> bool:
    return field.default is None and not field.type.repetition.name.startswith("OPTIONAL")


def answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def prediction(path: str, method: str) -> dict[str, Any]:
    body = {"schema": {"$ref": "#/components/schemas/PredictionRequest"}}
    return {
        "summary": "Run one prediction",
        "operationId": f"{method}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}",
        "requestBody": {"content": {"application/json": body}},
        "responses": {
            "200": answer("The prediction", {"$ref": "#/components/schemas/PredictionResponse"}),
            "422": answer("The input does not fit", {"type": "object"}),
        },
    }


def describe(module: str, name: str) -> dict[str, Any]:
    worker = create_predictor(module, name)
    fields = sorted(worker.inputs.values(), key=lambda field: field.order)
    inputs = {
        "title": "Input",
        "type": "object",
        "properties": {field.name: input_field(field) for field in fields},
    }
    required = [field.name for field in fields if is_required(field)]
    if required:
        inputs["required"] = required
    reference = {"$ref": "#/components/schemas/Input"}
    states = ["starting", "processing", "succeeded", "canceled", "failed"]
    schemas = {
        "Input": inputs,
        "Output": worker.output.json_type(),
        "Status": {"title": "Status", "type": "string", "enum": states},
        "PredictionRequest": {
            "title": "PredictionRequest",
            "type": "object",
            "properties": {"id": {"type": "string"}, "input": reference, "webhook": {"type": "string"}},
        },
        "PredictionResponse": {
            "title": "PredictionResponse",
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "input": reference,
                "output": {"$ref": "#/components/schemas/Output"},
                "status": {"$ref": "#/components/schemas/Status"},
                "error": {"type": "string"},
                "logs": {"type": "string"},
                "metrics": {"type": "object"},
            },
        },
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {
            "/predictions": {"post": prediction("/predictions", "post")},
            "/predictions/{id}": {"put": prediction("/predictions/{id}", "put")},
        },
        "components": {"schemas": schemas},
    }


if __name__ == "__main__":
    json.dump(describe(sys.argv[1], sys.argv[2]), sys.stdout, indent=1)
