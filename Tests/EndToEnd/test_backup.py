"""A backup of a fleet with work done, put into an installation that has nothing: everything is as it was."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from alone import CLEAN, Bucket, Controller
from fleet import Fleet, wait_until
from test_storage import clear_of

NAME = "backup-test"
FLEET = """\
fleet: {name}
registry: {registry}
storage: {{endpoint: "{endpoint}", bucket: jessica}}
clusters:
  brain: {{nodes: [agx-07], kinds: [text], service: llm-api, scaling: {{overflow: never, backup: false}}}}
roamers: {{nodes: [agx-11]}}
services:
  llm-api: {{replicas: 1, image: jessica/llm:latest, contract: cog, memory: 512MB}}
"""
ENDED = ("succeeded", "failed", "cancelled")


def ask(controller: Controller, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return controller.call(method, f"/api/v1{path}", body, headers)


def post(controller: Controller, path: str, body: Any = None) -> Any:
    status, answer = ask(controller, "POST", path, body if body is not None else {})
    assert status in (200, 201, 202), f"POST {path}: {status} {answer}"
    return answer


def get(controller: Controller, path: str) -> Any:
    status, answer = ask(controller, "GET", path)
    assert status == 200, f"GET {path}: {status} {answer}"
    return answer


def ended(controller: Controller, job: str, within: float = 90) -> Any:
    wait_until(lambda: get(controller, f"/jobs/{job}")["state"] in ENDED, within, f"job {job} to end")
    return get(controller, f"/jobs/{job}")


def lasting(value: Any) -> Any:
    """Without what a controller says anew of what goes on."""
    if isinstance(value, list):
        return [lasting(item) for item in value]
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in ("durationSeconds", "etaSeconds")}
    return value


def seen(controller: Controller, running: str) -> dict[str, Any]:
    """All that the API says and that does not change by itself; the job that runs is looked at apart."""
    jobs = [job for job in get(controller, "/jobs?limit=1000")["items"] if job["id"] != running]
    nodes = [{key: node.get(key) for key in ("name", "role", "cluster", "cordoned", "draining")} for node in get(controller, "/nodes")["items"]]
    rest = {path: get(controller, path) for path in ("/plans", "/tokens", "/fleet", "/fleet/history", "/services", "/templates")}
    # In memory it is a moment later than in the record.
    del rest["/fleet"]["appliedAt"]
    return lasting({"jobs": jobs, "nodes": nodes, **rest})


def restore(controller: Controller, source: Any, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [str(controller.bin / "spark-controller"), "restore", "--from", str(source), "--state-dir", str(controller.state), "--config", str(controller.file), *flags]
    return subprocess.run(command, env=CLEAN, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def is_ready(controller: Controller) -> bool:
    nodes = {node["name"]: node for node in get(controller, "/nodes")["items"]}
    return [pod["state"] for pod in nodes["agx-07"]["pods"]] == ["ready"] and nodes["agx-11"]["roamer"]["state"] == "IDLE"


def test_everything_comes_back_from_a_backup(running: Fleet, tmp_path: Path) -> None:
    with Bucket(tmp_path) as bucket:
        file = tmp_path / "fleet.yaml"
        file.write_text(FLEET.format(name=NAME, registry=running.registry, endpoint=bucket.endpoint))
        settings = "fleet_file: %s\nstorage: {access_key: %s, secret_key: %s}\n" % (file, *bucket.KEYS)
        old, new = Controller(running, tmp_path / "old", settings), Controller(running, tmp_path / "new", settings)
        # The agents know one address.
        new.link, new.api = old.link, old.api
        program = old.start()
        with program, old.agent(running, "agx-07", NAME) as first, old.agent(running, "agx-11", NAME) as second:
            try:
                wait_until(lambda: is_ready(old), 90, "the fleet to be ready")
                done = [post(old, "/jobs", {"kind": "text", "input": {"prompt": f"What is {number} * 3?"}})["id"] for number in range(5)]
                failing = post(old, "/jobs", {"kind": "custom", "image": "jessica/base:latest", "command": ["sh", "-c", "exit 3"]})["id"]
                plan = post(old, "/plans", {"name": "two", "steps": [{"name": "a", "kind": "text", "input": {"prompt": "hello"}}, {"name": "b", "kind": "text", "input": {"prompt": "hello"}, "after": ["a"]}]})["id"]
                token = post(old, "/tokens", {"name": "laptop", "role": "viewer"})["token"]
                for job in [*done, failing]:
                    ended(old, job)
                wait_until(lambda: get(old, f"/plans/{plan}")["state"] != "running", 60, "the plan to end")
                wait_until(lambda: is_ready(old), 60, "the roamer to be clean")
                post(old, "/nodes/agx-11/cordon")
                long = post(old, "/jobs", {"kind": "text", "input": {"prompt": "hello", "seconds": 25}})["id"]
                wait_until(lambda: get(old, f"/jobs/{long}")["state"] == "running", 30, "a job to run")

                made = old.jctl("backup", "-o", "name")
                assert made.returncode == 0, made
                saved = old.jctl("backup", "get", "--out", tmp_path / "backup.gz")
                assert saved.returncode == 0 and Path(saved.stdout.strip()) == tmp_path / "backup.gz", saved
                before, events = seen(old, long), get(old, "/events?limit=10000")["items"]
                (backup,) = get(old, "/backups")["items"]
                kept = [event for event in events if event["seq"] <= backup["counts"]["events"]]
                # What comes after it is lost with the old record, but not for the agents.
                post(old, "/nodes/agx-11/uncordon")
                post(old, f"/jobs/{failing}/retry")
                assert ended(old, failing)["attempt"] == 2
                lost = post(old, "/jobs", {"kind": "text", "input": {"prompt": "lost"}})["id"]
                refused = restore(old, tmp_path / "backup.gz", "--force")
                assert refused.returncode == 1 and "controller" in refused.stderr, refused
                program.process.kill()
                program.process.wait(10)

                new.state.mkdir(mode=0o700)
                for name in ("authority", "admin.token"):
                    (shutil.copytree if name == "authority" else shutil.copy)(old.state / name, new.state / name)
                (tmp_path / "cut.gz").write_bytes((tmp_path / "backup.gz").read_bytes()[:-30])
                refused = restore(new, tmp_path / "cut.gz")
                assert refused.returncode == 1 and "nothing was restored" in refused.stderr and "cut off" in refused.stderr, refused
                # From the object store, by its name.
                put = restore(new, backup["name"])
                assert put.returncode == 0 and f"{backup['counts']['jobs']} jobs" in put.stdout, put
                refused = restore(new, tmp_path / "backup.gz")
                assert refused.returncode == 1 and "--force" in refused.stderr, refused
                with new.start():
                    assert ask(new, "GET", "/jobs", token=token)[0] == 200
                    again = get(new, "/events?limit=10000")["items"]
                    assert again[: len(kept)] == kept
                    assert "restored" in again[len(kept)]["reason"], again[len(kept)]
                    wait_until(lambda: all(node["state"] == "ready" for node in get(new, "/nodes")["items"]), 60, "the agents to come back")
                    after = seen(new, long)
                    for what, value in before.items():
                        assert after[what] == value, what
                    assert ask(new, "GET", f"/jobs/{lost}")[0] == 404
                    went_on = ended(new, long)
                    assert went_on["state"] == "succeeded", went_on
                    assert ended(new, post(new, "/jobs", {"kind": "text", "input": {"prompt": "after"}})["id"])["attempt"] == 1
                    post(new, "/nodes/agx-11/uncordon")
                    post(new, f"/jobs/{failing}/retry")
                    tried = ended(new, failing)
                    # The agent has seen its second attempt, and its files are in the bucket.
                    assert tried["attempt"] > 1000 and tried["error"]["code"] == "exit_code", tried
                    # Outputs stayed where they were.
                    assert ask(new, "GET", f"/jobs/{done[0]}/outputs/{get(new, f'/jobs/{done[0]}')['outputs'][0]['name']}")[0] == 200
                assert first.is_alive() and second.is_alive()
            finally:
                old.end_redis()
                clear_of(running, NAME)
