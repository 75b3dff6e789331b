"""Every example of a request in docs/openapi.yaml is taken, not only understood: its reader will type it in as it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from alone import Controller
from fleet import Fleet, wait_until
from test_api import description
from test_storage import clear_of, is_idle

NAME = "examples"


@dataclass
class Example:
    """One request: a body with what its parameters have as examples."""

    operation: str
    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What a part is, or what it refers to."""
    if "$ref" not in part:
        return part
    found: Any = document
    for word in part["$ref"].removeprefix("#/").split("/"):
        found = found[word]
    return found


def examples(document: dict[str, Any]) -> Iterator[Example]:
    for path, item in document["paths"].items():
        for method in ("get", "post", "delete"):
            if not (operation := item.get(method)):
                continue
            parameters = [resolved(document, part) for part in item.get("parameters", []) + operation.get("parameters", [])]
            given = {place: {part["name"]: part["example"] for part in parameters if part["in"] == place and "example" in part} for place in ("query", "header")}
            content = resolved(document, operation.get("requestBody", {})).get("content", {})
            bodies = [example["value"] for media in content.values() for example in media.get("examples", {}).values()]
            if bodies or any(given.values()):
                for body in bodies or [None]:
                    yield Example(operation["operationId"], method.upper(), path, given["query"], given["header"], body)


def bodies(part: Any) -> list[Any]:
    """All examples of bodies, wherever they stand."""
    if isinstance(part, list):
        return [body for inner in part for body in bodies(inner)]
    if not isinstance(part, dict):
        return []
    own = [example["value"] for example in part.get("examples", {}).values()] if "schema" in part else []
    return own + [body for inner in part.values() for body in bodies(inner)]


def test_every_example_of_a_request_is_taken(running: Fleet, tmp_path: Path) -> None:
    document = description()
    # A roamer can be lent while it is idle, before anything waits for one.
    chosen = sorted(examples(document), key=lambda example: example.operation != "assignRoamer")
    assert len(chosen) >= 18 and all(body in [example.body for example in chosen] for body in bodies(document))
    box = next(example.body["node"] for example in chosen if example.operation == "enrol")
    names = {"nodes": "agx-11", "roamers": "agx-11", "enrolments": box}
    refused = []
    controller = Controller(running, tmp_path / "spark")
    file = tmp_path / "cluster.yaml"
    file.write_text(running.get("/fleet")["source"])
    try:
        with controller.start("--fleet-file", str(file)), controller.agent(running, "agx-11", NAME):
            wait_until(lambda: is_idle(controller), 60, "the roamer to be idle")
            for example in chosen:
                if "{id}" in example.path and "id" not in names:
                    names["id"] = controller.call("POST", "/api/v1/jobs", {"kind": "text", "input": {"prompt": "hello"}})[1]["id"]
                if "/backups/{name}" in example.path and "backups" not in names:
                    names["backups"] = controller.call("POST", "/api/v1/backups", {})[1]["name"]
                # A name is that of what stands before it, an id always a job's.
                path = re.sub(r"(\w+)/\{name\}", lambda match: f"{match[1]}/{names[match[1]]}", example.path)
                path = path.replace("{id}", names.get("id", ""))
                if example.query:
                    path += "?" + urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in example.query.items()})
                status, answer = controller.call(example.method, path, example.body, example.headers)
                if not 200 <= status < 300:
                    refused.append(f"{example.method} {path} {example.body}: {status} {answer}")
    finally:
        clear_of(running, NAME)
    assert not refused, "\n".join(refused)
