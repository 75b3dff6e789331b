"""Plans: jobs that wait for one another and take each other's outputs; uploads; who gets how much of the fleet."""

import hashlib
import http.client
import json
import os
import signal
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from fleet import DEDICATED, ENDED, PATIENCE, ROAMERS, ROOT, Daemon, Fleet, is_alive, wait_until
from test_controller import redis_pids
from test_engine import Engine

# Prints the input it got, and leaves what is said in its outputs.
LOOK = "import json, os; job = json.load(open('/job/input.json')); open('/job/outputs/seen.json', 'w').write(json.dumps(job))"
# Goes on until the test lets it go.
HELD = ("sh", "-c", "until [ -e /tmp/go ]; do sleep 0.1; done")


def plan_of(fleet: Fleet, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    status, plan = fleet.call("POST", "/api/v1/plans", {"steps": list(steps), **fields})
    assert status == 202, f"the plan was answered with {status} {plan}"
    return plan


def ended(fleet: Fleet, plan: dict[str, Any], within: float) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        seen = fleet.get(f"/plans/{plan['id']}")
        return seen if seen["state"] in ENDED else None

    return fleet.until(look, within, lambda: f"plan {plan['id']} to end: {fleet.get('/plans/' + plan['id'])['counts']}")


def step(fleet: Fleet, plan: dict[str, Any], name: str, index: int | None = None) -> dict[str, Any]:
    found = next(item for item in plan["steps"] if item["step"] == name and item.get("index") == index)
    return fleet.job(found["job"])


def let_go(fleet: Fleet, job: str) -> None:
    """Ends what runs HELD."""
    (container,) = fleet.containers(job=job)
    fleet.docker("exec", container, "touch", "/tmp/go")


def test_an_output_is_an_input_of_the_next(fleet: Fleet) -> None:
    plan = plan_of(
        fleet,
        {"name": "poem", "kind": "text", "input": {"prompt": "four words about the sea"}},
        {"name": "picture", "kind": "image", "input": {"prompt": {"$from": "poem"}, "seconds": 1}},
        {"name": "reading", "kind": "voice", "input": {"text": {"$from": "poem"}}},
        {
            "name": "look", "kind": "custom", "image": "jessica/base:latest", "command": ["python3", "-c", LOOK + "; import shutil; shutil.copy(job['picture'], '/job/outputs/copy')"],
            "input": {"words": {"$from": "poem"}, "picture": {"$from": "picture"}, "sound": {"$from": "reading"}},
        },
        name="postcard",
    )
    done = ended(fleet, plan, 90)
    assert done["state"] == "succeeded" and done["counts"]["succeeded"] == 4, done
    poem, picture, look = (step(fleet, done, name) for name in ("poem", "picture", "look"))
    words = fleet.output(poem, poem["outputs"][0]["name"]).decode()
    seen = json.loads(fleet.output(look, "seen.json"))
    assert seen["words"] == words and words, (seen, words)
    assert seen["picture"].startswith("/job/inputs/") and seen["sound"].startswith("/job/inputs/"), seen
    digest = "sha256:" + hashlib.sha256(fleet.output(look, "copy")).hexdigest()
    assert digest == picture["outputs"][0]["digest"]
    # What it was asked with stays as it was asked; nothing secret is in it.
    assert picture["input"]["prompt"] == {"$from": "poem"}
    for job in done["steps"]:
        seen_job = fleet.job(job["job"])
        fleet.assert_ended_once(seen_job)
        for other in seen_job["after"]:
            assert fleet.job(other)["finishedAt"] <= seen_job["attempts"][0]["assignedAt"]


def test_the_next_steps_template_is_made_ready_while_a_step_runs(fleet: Fleet, tmp_path: Path) -> None:
    """A roamer pulls its image and starts its worker, and the step begins there as soon as it may."""
    before, file = fleet.get("/fleet")["source"], tmp_path / "cluster.yaml"
    image = fleet.fresh_image(tmp_path / "image", 1 << 20)
    template = f"  next-worker:\n    image: {image}\n    startup_time: 1s\n    contract: cog\n    memory: 512MB\n"
    file.write_text(before.replace("templates:\n", "templates:\n" + template, 1))
    assert fleet.jctl("apply", "-f", str(file)).returncode == 0
    try:
        mark = fleet.mark()
        plan = plan_of(
            fleet,
            {"name": "first", "kind": "custom", "image": "jessica/base:latest", "command": list(HELD)},
            {"name": "next", "kind": "custom", "template": "next-worker", "after": ["first"], "input": {"prompt": "hello"}},
        )
        steps = {item["step"]: item["job"] for item in fleet.get(f"/plans/{plan['id']}")["steps"]}
        fleet.wait(steps["first"], 60, goal="running")
        node = fleet.expect(mark, 30, "a roamer to be lent to the next step", type="assignment", job=steps["next"])["node"]
        assert node in ROAMERS
        provisioning, running = (
            fleet.expect(mark, 90, f"{node} to be {state}", type="roamer.state", node=node, to=state) for state in ("PROVISIONING", "RUNNING")
        )
        # It is the image that only the registry had.
        (worker,) = fleet.containers(node=node)
        fleet.docker("exec", worker, "test", "-f", "/noise")
        assert [fleet.job(steps[name])["state"] for name in ("first", "next")] == ["running", "queued"]
        let_go(fleet, steps["first"])
        done = ended(fleet, plan, 60)
    finally:
        file.write_text(before)
        assert fleet.jctl("apply", "-f", str(file)).returncode == 0
    assert done["state"] == "succeeded", done
    first, following = (fleet.job(steps[name]) for name in ("first", "next"))
    (end,) = fleet.endings(first)
    assert provisioning["seq"] < running["seq"] < end["seq"], (provisioning, running, end)
    (attempt,) = following["attempts"]
    assert attempt["node"] == node, following
    waited = datetime.fromisoformat(attempt["assignedAt"]) - datetime.fromisoformat(first["finishedAt"])
    assert 0 <= waited.total_seconds() < 10 * PATIENCE, f"it began {waited} later"


def test_a_step_of_many_jobs_runs_a_few_at_once_and_is_gathered(fleet: Fleet) -> None:
    mark = fleet.mark()
    plan = plan_of(
        fleet,
        {"name": "word", "kind": "text", "count": 6, "maxRunning": 2, "input": {"prompt": "say a number", "seconds": 1, "number": {"$index": True}}},
        {
            "name": "all", "kind": "custom", "image": "jessica/base:latest", "command": ["python3", "-c", LOOK],
            "input": {"words": {"$from": "word"}, "third": {"$from": "word[2]"}},
        },
    )
    done = ended(fleet, plan, 90)
    assert done["state"] == "succeeded", done
    seen = json.loads(fleet.output(step(fleet, done, "all"), "seen.json"))
    assert len(seen["words"]) == 6 and seen["third"] == seen["words"][2], seen
    assert [step(fleet, done, "word", index)["input"]["number"] for index in range(6)] == list(range(6))
    fleet.mark()  # So that all of them are here.
    running, most = set(), 0
    mine = {item["job"] for item in done["steps"] if item["step"] == "word"}
    for event in fleet.seen(mark, type="job.state"):
        if event.get("job") in mine:
            running.add(event["job"]) if event["to"] in ("assigned", "provisioning", "running") else running.discard(event["job"])
            most = max(most, len(running))
    assert most == 2


def test_what_is_not_there_fails_the_job_that_wants_it_and_those_behind(fleet: Fleet) -> None:
    plan = plan_of(
        fleet,
        {"name": "poem", "kind": "text", "input": {"prompt": "hello"}},
        {"name": "wrong", "kind": "voice", "input": {"text": {"$from": "poem.nothing"}}},
        {"name": "behind", "kind": "voice", "input": {"text": {"$from": "wrong"}}},
        {"name": "beside", "kind": "voice", "after": ["poem"], "input": {"text": "hello"}},
        onFailure="continue",
    )
    done = ended(fleet, plan, 60)
    assert done["state"] == "failed", done
    wrong, behind = step(fleet, done, "wrong"), step(fleet, done, "behind")
    assert wrong["error"]["code"] == "input_missing" and "nothing" in wrong["error"]["message"] and len(wrong["attempts"]) == 1, wrong
    assert behind["state"] == "cancelled" and behind["error"]["code"] == "prerequisite_failed", behind
    assert step(fleet, done, "beside")["state"] == "succeeded"


def test_a_plan_by_jctl(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "postcard.yaml"
    file.write_text(
        "name: postcard\n"
        "steps:\n"
        "  - {name: poem, kind: text, input: {prompt: the sea}}\n"
        "  - name: picture\n"
        "    kind: image\n"
        "    input: {prompt: {$from: poem}, seconds: 1}\n"
    )
    done = fleet.jctl("submit", "--plan", str(file), "--wait", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["picture", "poem"]
    plan = done.stdout.split()[0]
    assert "postcard" in fleet.jctl("get", "plans").stdout
    shown = fleet.jctl("describe", "plan", plan).stdout
    assert "2 of 2 done" in shown and "picture" in shown, shown
    assert max(map(len, shown.splitlines())) <= 80
    assert len(fleet.jctl_json("get", "jobs", "--plan", plan)["items"]) == 2
    # An array, stopped and taken up again.
    array = fleet.jctl("submit", "--kind", "text", "--input", '{"prompt": "x", "seconds": 2}', "--count", "8", "--at-once", "1").stdout.strip()
    assert fleet.jctl("cancel", "plan", array).returncode == 0
    late = fleet.jctl("wait", "plan", array)
    assert late.returncode == 1 and "cancelled" in late.stderr, late
    fleet.until(lambda: not fleet.items(f"/jobs?plan={array}&state=active"), 30, "the array to have stopped")
    assert fleet.jctl("retry", "plan", array).returncode == 0
    assert fleet.jctl("cancel", "plan", array).returncode == 0
    behind = fleet.jctl("submit", "--kind", "text", "--input", "{}", "--after", array)
    assert behind.returncode == 5, behind.stderr


def test_the_plan_of_the_documentation_does_what_it_says(fleet: Fleet, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "plans.md").read_text()
    (tmp_path / "postcard.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    done = fleet.jctl("submit", "--plan", str(tmp_path / "postcard.yaml"), "--wait", "--out", str(tmp_path / "postcard"), timeout=300)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "postcard").iterdir()) == ["film", "picture", "poem", "reading"]


def test_a_file_is_brought_as_an_input(fleet: Fleet, tmp_path: Path) -> None:
    """To a container that runs to its end as a file, to a worker as a URL with the bytes."""
    photo = tmp_path / "my photo.bin"
    photo.write_bytes(os.urandom(3_000_000))
    code = LOOK + "; import hashlib; open('/job/outputs/digest', 'w').write(hashlib.sha256(open(job['photo'], 'rb').read()).hexdigest())"
    made = fleet.call("POST", "/api/v1/uploads", {"name": "photo.bin", "contentType": "application/octet-stream", "size": 3_000_000})
    assert made[0] == 201, made
    refused = fleet.call("POST", "/api/v1/jobs", {"kind": "text", "input": {"photo": made[1]["input"]}})
    assert (refused[0], refused[1]["error"]["code"]) == (422, "input_missing"), refused
    done = fleet.jctl("submit", "--kind", "text", "--file", f"file={photo}", "--input", '{"prompt": "hello"}', "--wait")
    assert done.returncode == 0, done.stderr
    (newest,) = fleet.get("/jobs?kind=text&limit=1")["items"]
    upload = newest["input"]["file"]["$upload"]
    seen = fleet.get(f"/uploads/{upload}")
    assert seen["size"] == 3_000_000 and seen["name"] == "my_photo.bin", seen
    job = fleet.succeed(fleet.submit("custom", {"photo": {"$upload": upload}}, image="jessica/base:latest", command=["python3", "-c", code]), 60)
    assert fleet.output(job, "digest").decode() == hashlib.sha256(photo.read_bytes()).hexdigest()
    # One that is taken away before the job begins.
    first = fleet.run(*HELD)["id"]
    late = fleet.call("POST", "/api/v1/jobs", {"kind": "text", "after": [first], "input": {"photo": {"$upload": upload}}})
    assert late[0] == 202, late
    assert fleet.call("DELETE", f"/api/v1/uploads/{upload}")[0] == 204
    fleet.wait(first, 60, goal="running")
    let_go(fleet, first)
    failed = fleet.wait(late[1]["id"], 60)
    assert failed["error"]["code"] == "input_missing", failed


def test_a_job_with_a_file_is_asked_for_again(fleet: Fleet, tmp_path: Path) -> None:
    """As jctl advises when an answer is lost: the same command under the same key."""
    photo = tmp_path / "photo.bin"
    photo.write_bytes(os.urandom(100_000))
    command = ["submit", "--kind", "text", "--file", f"file={photo}", "--input", '{"prompt": "hello"}', "--idempotency-key", f"again-{uuid.uuid4().hex}"]
    first, second = fleet.jctl(*command), fleet.jctl(*command)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout, "they are two jobs"
    assert "uploaded under this key before" in second.stderr and not first.stderr, first.stderr + second.stderr
    fleet.succeed(first.stdout.strip(), 60)
    # Another file is another request.
    photo.write_bytes(os.urandom(100_001))
    third = fleet.jctl(*command)
    assert third.returncode == 6 and "the idempotency key was used" in third.stderr, third.stderr


def test_a_plan_with_a_body_of_more_than_a_megabyte(fleet: Fleet) -> None:
    items = [{"prompt": "x" * 300, "number": number} for number in range(5_000)]
    plan = plan_of(fleet, {"name": "many", "kind": "text", "items": items})
    assert plan["counts"]["total"] == len(items)
    fleet.post(f"/plans/{plan['id']}/cancel")
    ended(fleet, plan, 60)
    status, answer = fleet.call("POST", "/api/v1/plans", b"x" * (5 << 20))
    assert status == 413, answer


def test_an_input_too_large_for_the_record_reaches_its_worker(fleet: Fleet) -> None:
    """By the object store: to a container that runs to its end, and to a worker, with what it refers to."""
    text = "".join(f"line {number}, and a half\n" for number in range(5_000))
    code = LOOK + "; import hashlib; open('/job/outputs/digest', 'w').write(hashlib.sha256(job['text'].encode()).hexdigest())"
    id = fleet.run("python3", "-c", code, input={"text": text})["id"]
    job = fleet.succeed(id, 60)
    assert fleet.output(job, "digest").decode() == hashlib.sha256(text.encode()).hexdigest()
    assert job["input"] == {"text": text} and job["inputSize"] > len(text)
    (listed,) = [item for item in fleet.get("/jobs?limit=5")["items"] if item["id"] == id]
    assert listed["inputAbridged"] and len(str(listed["input"])) < 500, listed
    # Far behind its short form, and before the end of what is searched.
    fleet.until(lambda: id in [item["id"] for item in fleet.get("/jobs?q=line%20150,&limit=20")["items"]], 20, "its words to be found")
    poem = fleet.submit("custom", {"prompt": "x" * 1_000, "words": {"$from": f"{id}.digest"}}, image="jessica/base:latest", command=["python3", "-c", LOOK])
    fleet.succeed(poem, 60)
    spoken = fleet.succeed(fleet.submit("voice", {"text": "one two three. " * 60}), 90)
    assert spoken["outputs"], spoken


def test_a_plan_of_a_thousand_fans_out_and_in_while_everything_is_killed(fleet: Fleet) -> None:
    count = 1_000
    kinds = ["text", "voice", "personality"]
    wide = [
        {"name": f"w{number}", "kind": kinds[number % len(kinds)], "after": ["first"], "input": {"prompt": "hello", "text": "hello"}, "retries": 20}
        for number in range(count - 2)
    ]
    plan = plan_of(
        fleet, {"name": "first", "kind": "text", "input": {"prompt": "hello"}, "retries": 20}, *wide,
        {"name": "last", "kind": "text", "after": [item["name"] for item in wide], "input": {"prompt": "hello"}, "retries": 20},
    )
    stop = threading.Event()
    engine = Engine(fleet) if Engine.is_private(fleet) else None

    # Each blow tells which processes it has hit; that they lived is for it to see to.

    def kill_again(daemon: Daemon) -> list[int]:
        pid = daemon.pid
        daemon.kill()
        daemon.start()
        return [pid]

    def kill_redis() -> list[int]:
        pids = wait_until(lambda: redis_pids(fleet), 30, "redis to be there")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in pids), 10, "redis to be gone")
        return pids

    def kill_engine(engine: Engine, meanwhile: Callable[[], list[int]]) -> list[int]:
        pid = engine.kill()
        try:
            return [pid, *meanwhile()]
        finally:
            engine.start()

    def be_without_engine() -> list[int]:
        stop.wait(2)  # The fault itself: so long it is away, and every worker with it.
        return []

    controller = ("the controller", partial(kill_again, fleet.controller))
    agents = {name: partial(kill_again, fleet.agents[name]) for name in ("agx-05", "agx-07", "agx-10", "agx-11")}
    redis = ("redis", kill_redis)
    others = [("agx-10", agents["agx-10"]), ("agx-11", agents["agx-11"])]
    blows: list[tuple[str, Callable[[], list[int]]]]
    if engine:
        away = ("the engine", partial(kill_engine, engine, be_without_engine))
        # An agent that comes back while there is no engine.
        both = ("the engine and agx-05", partial(kill_engine, engine, agents["agx-05"]))
        blows = [controller, ("agx-07", agents["agx-07"]), away, redis, controller, both, *others]
    else:
        print("spared: the Docker Engine, which is not the fleet's own")
        blows = [controller, ("agx-07", agents["agx-07"]), redis, controller, ("agx-05", agents["agx-05"]), *others]

    def strike() -> list[str]:
        """What it struck until the plan had ended."""
        struck = []
        for name, blow in blows:
            if stop.wait(4):
                break
            hit = blow()
            assert hit and not any(is_alive(pid) for pid in hit), f"{name} lives on: {hit}"
            struck.append(name)
        return struck

    with ThreadPoolExecutor(1) as pool:
        striker = pool.submit(strike)
        try:
            done = ended(fleet, plan, 480)
        finally:
            stop.set()
            struck = striker.result(180)
    assert struck == [name for name, _ in blows], "the plan ended too early"
    assert done["state"] == "succeeded" and done["counts"]["succeeded"] == count, done["counts"]
    last = step(fleet, done, "last")
    jobs = {job["id"]: job for job in fleet.items(f"/jobs?plan={plan['id']}&limit=1000")}
    assert len(jobs) == count
    first = next(job for job in jobs.values() if job["step"] == "first")
    for job in jobs.values():
        winners = [attempt for attempt in job["attempts"] if attempt["state"] == "succeeded"]
        assert len(winners) == 1, job
        if job["id"] not in (first["id"], last["id"]):
            assert first["finishedAt"] <= job["attempts"][0]["assignedAt"] and job["finishedAt"] <= last["attempts"][0]["assignedAt"], job
    fleet.settle(120)
    assert len(fleet.containers()) == len(DEDICATED)


def test_ten_thousand_jobs_of_one_do_not_keep_another_waiting(fleet: Fleet) -> None:
    """A token names who submits; the shares of a busy cluster are theirs."""
    tokens = {name: fleet.jctl("token", "create", f"{name}-{time.monotonic_ns()}", "--submitter", name, "--expires", "1h").stdout.strip() for name in ("alice", "bob")}
    assert all(token.startswith("fct_") for token in tokens.values())
    port = int(fleet.settings["api"])

    def call(name: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        context = ssl.create_default_context(cafile=str(fleet.state / "controller" / "authority" / "ca.crt"))
        connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
        try:
            connection.request("POST", f"/api/v1{path}", json.dumps(body), {"Authorization": f"Bearer {tokens[name]}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    status, plan = call("alice", "/plans", {"steps": [{"name": "many", "kind": "text", "count": 10_000, "input": {"prompt": "x", "seconds": 2}}]})
    assert status == 202, plan
    try:
        fleet.until(lambda: fleet.get(f"/plans/{plan['id']}")["counts"]["running"] >= 2, 60, "the first of them to run")
        status, job = call("bob", "/jobs", {"kind": "text", "input": {"prompt": "x"}})
        assert status == 202 and job["submitter"] == "bob"
        assert job.get("queuePosition", 0) < 10, job
        done = fleet.succeed(job, 60)
        assert done["submitter"] == "bob"
        # Of those that came before it nearly all wait still.
        assert fleet.get(f"/plans/{plan['id']}")["counts"]["queued"] > 9_000
        status, refused = call("bob", f"/plans/{plan['id']}/cancel", {})
        assert status == 403 and refused["error"]["code"] == "forbidden"
    finally:
        fleet.post(f"/plans/{plan['id']}/cancel")
