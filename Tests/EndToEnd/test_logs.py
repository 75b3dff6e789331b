"""What a job writes is seen while it runs, outlives its container and its node's agent, and is bounded."""

import re
import time

import pytest

from fleet import Fleet, describe, most_memory

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (.*)$")


def is_moved(fleet: Fleet, job: str) -> bool:
    """Whether the controller has put all logs of a job into the object store."""
    folder = fleet.state / "controller" / "logs" / job
    return any(folder.glob("*.moved")) and not any(folder.glob("*.log"))


def test_a_log_is_kept_with_time_and_attempt_when_all_else_is_gone(fleet: Fleet) -> None:
    script = "echo out $JESSICA_ATTEMPT; echo err >&2; printf part; sleep 1; echo ial; [ $JESSICA_ATTEMPT = 2 ]"
    job = fleet.run("sh", "-c", script)
    assert fleet.wait(job, 30)["state"] == "failed"
    fleet.post(f"/jobs/{job['id']}/retry")
    done = fleet.succeed(job, 30)
    assert [attempt["attempt"] for attempt in done["attempts"]] == [1, 2], describe(done)
    fleet.until(lambda: is_moved(fleet, job["id"]), 10, "the log to be in the object store")
    assert not fleet.containers(job=job["id"])
    fleet.controller.kill()
    fleet.controller.start()
    fleet.until(fleet.is_serving, 30, "the controller to be back")
    log = fleet.jctl("logs", job["id"])
    assert sorted(log.stdout.splitlines()) == sorted(["out 1", "err", "partial", "out 2", "err", "partial"])
    assert log.stdout.index("out 1") < log.stdout.index("out 2")
    assert [line.split(" on ")[0] for line in log.stderr.splitlines()] == ["— attempt 1", "— attempt 2"], log.stderr
    assert fleet.jctl("logs", "--attempt", "1", "--tail", "1", job["id"]).stdout == "partial\n"
    timed = fleet.jctl("logs", "-t", job["id"], "--attempt", "2").stdout.splitlines()
    assert sorted(LINE.match(line)[1] for line in timed) == ["err", "out 2", "partial"], timed
    raw = fleet.call("GET", f"/api/v1/jobs/{job['id']}/logs?format=cri")[1].decode()
    assert " stderr F err\n" in raw and " stdout F partial\n" in raw, raw
    follow = fleet.jctl("logs", "-f", job["id"])
    assert follow.stdout == log.stdout and "succeeded" in follow.stderr


def test_each_line_once_though_the_agent_is_killed(fleet: Fleet) -> None:
    job = fleet.run("sh", "-c", "i=0; while [ $i -lt 1200 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 1; done; true", retries=0)
    node = fleet.wait(job, 30, goal="running")["node"]
    fleet.until(lambda: "line 250" in fleet.jctl("logs", job["id"]).stdout, 20, "the log to begin")
    fleet.agents[node].kill()
    time.sleep(2)  # The fault itself: so long nobody reads the log.
    fleet.agents[node].start()
    follow = fleet.jctl("logs", "-f", job["id"])
    done = fleet.succeed(job, 60)
    assert len(done["attempts"]) == 1, describe(done)
    assert follow.stdout.splitlines() == [f"line {number}" for number in range(1200)]


@pytest.mark.parametrize("megabytes", [pytest.param(12, marks=pytest.mark.long), 40, pytest.param(1000, marks=pytest.mark.long)])
def test_a_job_that_prints_far_too_much_harms_nobody(fleet: Fleet, megabytes: int) -> None:
    script = f"echo the beginning; head -c {megabytes}M /dev/zero | tr '\\0' x | fold -w 200; echo; echo the end"
    job = fleet.run("sh", "-c", script, retries=0)
    node = fleet.wait(job, 30, goal="running")["node"]
    before = {name: most_memory(fleet.agents[node].pid) if name == "agent" else most_memory(fleet.controller.pid) for name in ("agent", "controller")}
    # Another job is not kept waiting.
    begun = time.monotonic()
    fleet.succeed(fleet.submit("text", {"prompt": "hello"}), 30)
    answered = time.monotonic() - begun
    fleet.succeed(job, 30 + megabytes)
    fleet.until(lambda: is_moved(fleet, job["id"]), 60, "the log to be in the object store")
    log = fleet.jctl("logs", job["id"]).stdout
    assert log.startswith("the beginning\n") and log.endswith("\nthe end\n")
    assert len(log) < 10 << 20
    left_out = sum(int(count) for count in re.findall(r"^… (\d+) bytes left out …$", log, re.M))
    kept = len(re.sub(r"^… \d+ bytes left out …\n", "", log, flags=re.M))
    whole = len("the beginning\n" + "\nthe end\n") + (megabytes << 20) * 201 // 200
    # Docker itself keeps only the last 30 MB, and what it has dropped before it was read is not known.
    assert left_out + kept - whole < 300, (left_out, kept, whole)
    assert megabytes > 20 or whole - left_out - kept < 300, (left_out, kept, whole)
    after = {"agent": most_memory(fleet.agents[node].pid), "controller": most_memory(fleet.controller.pid)}
    assert after["agent"] < before["agent"] + 60 and after["controller"] < before["controller"] + 100, (before, after)
    assert answered < 15
