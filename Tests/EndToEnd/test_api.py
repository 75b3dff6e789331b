"""The API is what docs/openapi.yaml says: for a stranger who knows only that, and for every answer of a fleet at work."""

import datetime
import fcntl
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from alone import Controller
from fleet import ROOT, Fleet

DESCRIPTION = ROOT / "docs" / "openapi.yaml"
TOOLS = {"openapi-spec-validator": "0.9.0", "schemathesis": "4.32.5", "standardwebhooks": "1.1.0"}


def tools() -> Path:
    """The folder of programs of a Python environment with the tools."""
    cache = Path(os.environ.get("JESSICA_TEST_CACHE", "/tmp/jessica-test-cache"))
    place = cache / ("openapi-" + "-".join(TOOLS.values()))
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "openapi.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".complete").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", place], check=True, timeout=120)
            words = [f"{name}=={version}" for name, version in TOOLS.items()]
            subprocess.run([place / "bin" / "pip", "install", "--quiet", *words], stdin=subprocess.DEVNULL, check=True, timeout=600)
            (place / ".complete").touch()
    return place / "bin"


def description() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text())


def test_the_description_is_valid() -> None:
    done = subprocess.run([tools() / "openapi-spec-validator", DESCRIPTION], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stranger_who_knows_only_the_description_finds_nothing_wrong(fleet: Fleet, tmp_path: Path) -> None:
    """Schemathesis calls everything with what is described and with what is not, with a token and without."""
    controller = Controller(fleet, tmp_path / "spark")
    file = tmp_path / "cluster.yaml"
    file.write_text(fleet.get("/fleet")["source"])
    with controller.start("--fleet-file", str(file)), controller.agent(fleet, "agx-11", "schemathesis"):
        fleet.until(lambda: controller.get("/api/v1/nodes")[1]["items"], 30, "the agent to connect")
        token = (controller.state / "admin.token").read_text().strip()
        command = [
            tools() / "schemathesis", "--config-file", Path(__file__).parent / "schemathesis.toml", "run", DESCRIPTION,
            "--url", f"https://localhost:{controller.api}", "--tls-verify", controller.state / "authority" / "ca.crt",
            "-H", f"Authorization: Bearer {token}", "--checks", "all", "--max-examples", os.environ.get("JESSICA_TEST_EXAMPLES", "12"), "--seed", "1",
            "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--request-timeout", "70", "--max-response-time", "65",
            # A stream does not end.
            "--exclude-path", "/api/v1/stream", "--generation-database", "none",
        ]  # fmt: skip
        done = subprocess.run([str(word) for word in command], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
        (fleet.state / "logs" / "schemathesis.log").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
        # It is as whole as before.
        assert controller.get("/readyz")[0] == 200
        assert controller.get("/api/v1/summary")[0] == 200


def public_key() -> str:
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], capture_output=True, text=True, check=True, timeout=60)
    return subprocess.run(["openssl", "pkey", "-pubout"], input=key.stdout, capture_output=True, text=True, check=True, timeout=60).stdout


class Answers:
    """Calls the fleet, and holds each answer against the description."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.document = strict(description())
        self.seen: set[str] = set()

    def call(self, method: str, path: str, template: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        status, answer = self.fleet.call(method, f"/api/v1{path}", body, headers)
        item = self.document["paths"][f"/api/v1{template}"][method.lower()]
        self.seen.add(f"{method} {template}")
        response = item["responses"].get(str(status)) or item["responses"]["default"]
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        content = response.get("content", {})
        if "application/json" in content:
            validator(self.document, content["application/json"]["schema"]).validate(answer)
        return answer

    def get(self, path: str, template: str) -> Any:
        return self.call("GET", path, template)


def is_time(text: object) -> bool:
    datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", str(text)) is not None


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """What holds a value against a schema of the document."""
    checker = jsonschema.FormatChecker(formats=[])
    checker.checks("date-time", raises=ValueError)(is_time)
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]}, format_checker=checker)


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The description with nothing allowed that it does not name."""

    def close(schema: Any) -> None:
        if isinstance(schema, dict):
            if "properties" in schema and schema.get("type") == "object" and "additionalProperties" not in schema:
                schema["additionalProperties"] = False
            for part in schema.values():
                close(part)
        elif isinstance(schema, list):
            for part in schema:
                close(part)

    for name, schema in document["components"]["schemas"].items():
        # What a page's items are stands beside it.
        if name != "Page":
            close(schema)
    return document


def test_every_answer_of_a_fleet_at_work_is_as_described(fleet: Fleet) -> None:
    answers = Answers(fleet)
    call, get = answers.call, answers.get
    done = call("POST", "/jobs", "/jobs", {"kind": "image", "input": {"prompt": "described"}, "labels": {"test": "api"}}, {"Prefer": "wait=60"})
    asked = call("POST", "/requests", "/requests", {"text": "Say hello"}, {"Prefer": "wait=60"})
    assert done["state"] == "succeeded" and asked["job"]["state"] == "succeeded"
    failed = call("POST", "/jobs", "/jobs", {"kind": "custom", "image": "jessica/base:latest", "command": ["sh", "-c", "exit 3"]}, {"Prefer": "wait=60"})
    assert failed["state"] == "failed" and failed["attempts"][0]["exitCode"] == 3
    many = [fleet.submit("voice", {"prompt": "x", "seconds": 20}) for _ in range(5)]
    try:
        waiting = fleet.until(lambda: next((job for job in get("/jobs?state=queued", "/jobs")["items"] if job.get("reason")), None), 20, "a job to wait")
        assert waiting["queuePosition"] >= 0
        for query in ("", "?state=active&kind=voice&order=oldest", "?q=described", "?label=test%3Dapi", "?cluster=vision", "?node=agx-01&limit=2"):
            get(f"/jobs{query}", "/jobs")
        for part in ("", "/events", "/outputs"):
            for job in (done, failed, many[0]):
                get(f"/jobs/{job['id']}{part}", "/jobs/{id}" + part)
        get(f"/jobs/{failed['id']}/logs", "/jobs/{id}/logs")
        assert {job["id"] for job in get("/jobs?q=described&label=test", "/jobs")["items"]} >= {done["id"]}
        for path in ("/nodes", "/roamers", "/clusters", "/services", "/templates", "/fleet", "/fleet/history", "/summary", "/diagnosis", "/version", "/events?limit=200"):
            get(path, path.partition("?")[0])
        for name in fleet.agents:
            get(f"/nodes/{name}", "/nodes/{name}")
        get("/roamers/agx-11", "/roamers/{name}")
        get("/clusters/vision", "/clusters/{name}")
        get(f"/services/{get('/services', '/services')['items'][0]['name']}", "/services/{name}")
        get(f"/templates/{get('/templates', '/templates')['items'][0]['name']}", "/templates/{name}")
        for action in ("cordon", "uncordon", "drain", "undrain"):
            call("POST", f"/nodes/agx-12/{action}", f"/nodes/{{name}}/{action}", {})
        call("POST", "/roamers/agx-13/assign", "/roamers/{name}/assign", {"cluster": "vision", "mode": "manual"})
        get("/roamers?state=ASSIGNED", "/roamers")
        call("POST", "/roamers/agx-13/release", "/roamers/{name}/release", {})
        trial = {"filter": {"kind": ["voice"], "state": ["active"]}, "dryRun": True}
        assert call("POST", "/jobs/cancel", "/jobs/cancel", trial)["matched"] >= 5
        call("POST", f"/jobs/{many[4]['id']}/cancel", "/jobs/{id}/cancel", {})
        call("POST", "/jobs/cancel", "/jobs/cancel", {**trial, "dryRun": False})
        call("POST", "/jobs/retry", "/jobs/retry", {**trial, "filter": {"q": "nothing like this"}})
        call("POST", "/fleet?dryRun=true", "/fleet", fleet.get("/fleet")["source"].replace("max_roamers: 3", "max_roamers: 2").encode())
        plan = call("POST", "/plans", "/plans", {"name": "described", "maxRunning": 1, "steps": [{"name": "a", "kind": "voice", "input": {"prompt": "x", "seconds": 20}}, {"name": "b", "kind": "text", "count": 2, "after": ["a"]}]})
        get(f"/plans/{plan['id']}", "/plans/{id}")
        get("/plans?state=running", "/plans")
        get(f"/events?plan={plan['id']}", "/events")
        call("POST", f"/plans/{plan['id']}/cancel", "/plans/{id}/cancel", {})
        call("DELETE", f"/plans/{plan['id']}", "/plans/{id}")
        fleet.until(lambda: get(f"/plans/{plan['id']}", "/plans/{id}")["state"] == "cancelled", 20, "the plan to be cancelled")
        call("POST", f"/plans/{plan['id']}/retry", "/plans/{id}/retry", {})
        call("DELETE", f"/plans/{plan['id']}", "/plans/{id}")
        upload = call("POST", "/uploads", "/uploads", {"name": "x.txt", "contentType": "text/plain", "size": 5})
        place = upload["url"].partition("/objects/")[2]
        assert fleet.call("PUT", f"/objects/{place}", b"hello", {"Content-Type": "text/plain"})[0] == 200
        get(f"/uploads/{upload['id']}", "/uploads/{id}")
        get("/audit?limit=5", "/audit")
        call("DELETE", f"/uploads/{upload['id']}", "/uploads/{id}")
        token = call("POST", "/tokens", "/tokens", {"name": f"described-{time.monotonic_ns()}", "role": "viewer", "expiresInSeconds": 60})
        get("/tokens", "/tokens")
        call("DELETE", f"/tokens/{token['name']}", "/tokens/{name}")
        get("/authority", "/authority")
        box = {"node": f"described-{time.monotonic_ns()}", "key": public_key(), "version": "1"}
        assert call("POST", "/enrolments", "/enrolments", box)["state"] == "pending"
        assert box["node"] in [item["node"] for item in get("/enrolments", "/enrolments")["items"]]
        call("POST", f"/nodes/{box['node']}/ban", "/nodes/{name}/ban", {})
        call("POST", f"/enrolments/{box['node']}/approve", "/enrolments/{name}/approve", {})
        assert call("POST", "/enrolments", "/enrolments", box)["state"] == "approved"
        call("POST", "/webhooks", "/webhooks", {"name": "described", "url": "https://hooks.invalid/"})
        get("/webhooks", "/webhooks")
        get("/webhooks/described", "/webhooks/{name}")
        assert not call("POST", "/webhooks/described/test", "/webhooks/{name}/test", {})["delivered"]
        backup = call("POST", "/backups", "/backups", {})
        assert get("/backups?limit=1", "/backups")["items"] == [backup]
        assert get(f"/backups/{backup['name']}", "/backups/{name}") == backup
        assert len(get(f"/backups/{backup['name']}/archive", "/backups/{name}/archive")) == backup["size"]
        # And what cannot be done.
        call("POST", "/fleet", "/fleet", b"clusters: [")
        call("POST", "/jobs", "/jobs", {"kind": "nonsense"})
        call("POST", f"/jobs/{done['id']}/retry", "/jobs/{id}/retry", {})
        call("DELETE", "/jobs/none", "/jobs/{id}")
        call("DELETE", "/webhooks/none", "/webhooks/{name}")
        get("/nodes/none", "/nodes/{name}")
    finally:
        for job in many:
            fleet.call("POST", f"/api/v1/jobs/{job['id']}/cancel", {})
        fleet.call("DELETE", "/api/v1/webhooks/described")
    # All of it was looked at, but what is no JSON; test_live.py looks at the stream.
    described = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, item in description()["paths"].items() if path.startswith("/api/v1") for method in item if method in ("get", "post", "delete")}
    assert described - answers.seen == {"GET /stream", "GET /jobs/{id}/outputs/{name}"}


@pytest.mark.parametrize("path", ["/api/v1/jobs/none", "/nowhere", "/api/v1/jobs?state=nonsense"])
def test_the_id_of_a_refused_request_is_in_the_log(fleet: Fleet, path: str) -> None:
    status, answer = fleet.call("GET", path)
    assert status in (400, 404)
    request = answer["error"]["requestId"]
    fleet.until(lambda: request in fleet.controller.log.read_text(), 5, f"request {request} to be in the log")


def test_jobs_are_found_and_acted_on_by_what_they_are(fleet: Fleet) -> None:
    word = f"needle{os.getpid()}"
    jobs = [fleet.submit("voice", {"prompt": f"{word} {number}", "seconds": 30}, labels={"batch": word}) for number in range(6)]
    ids = sorted(job["id"] for job in jobs)
    listed = fleet.jctl_json("get", "jobs", "--search", word.upper(), "--state", "active", "--since", "1h")
    assert sorted(job["id"] for job in listed["items"]) == ids
    refused = fleet.jctl("cancel", "--label", f"batch={word}")
    assert refused.returncode == 2 and "6 jobs match" in refused.stderr
    shown = fleet.jctl("cancel", "--label", f"batch={word}", "--dry-run", "-o", "name")
    assert sorted(shown.stdout.split()) == ids
    assert all(fleet.job(job)["state"] not in ("cancelled",) for job in jobs)
    done = fleet.jctl("cancel", "--label", f"batch={word}", "--yes")
    assert done.returncode == 0, done.stderr
    assert {job["state"] for job in fleet.wait_all(jobs, 60)} == {"cancelled"}
    # The newest events are shown, chosen or not.
    for options, query in (((), ""), (("--kind", "job.state"), "&type=job.state")):
        last = fleet.get(f"/events?tail=1{query}")["items"][0]["seq"]
        shown = [event["seq"] for event in fleet.jctl_json("get", "events", *options)["items"]]
        assert len(shown) <= 50 and shown == sorted(shown) and shown[-1] >= last
    # Nothing of it is lost with the controller.
    fleet.controller.kill()
    fleet.controller.start()
    fleet.until(fleet.is_serving, 30, "the controller to be ready")
    listed = fleet.jctl_json("get", "jobs", "--label", "batch", "--search", word, "--state", "cancelled")
    assert sorted(job["id"] for job in listed["items"]) == ids
