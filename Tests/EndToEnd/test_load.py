"""Many jobs at once: all end, each with one result, and the waiting ones say what they wait for."""

from concurrent.futures import ThreadPoolExecutor

from fleet import Fleet, describe

# Mostly quick ones, so that the machine under it is not what is tested.
MIXED = [
    *[("text", {"prompt": f"What is {number} * 3?"}) for number in range(80)],
    *[("personality", {"prompt": "hello"}) for _ in range(40)],
    *[("voice", {"prompt": f"Number {number}"}) for number in range(40)],
    *[("image", {"prompt": "a sunset", "seed": number}) for number in range(20)],
    *[("audio", {"prompt": "calm", "duration": 1, "seed": number}) for number in range(10)],
    *[("vision", {"prompt": "faces"}) for _ in range(5)],
    *[("video", {"prompt": "a sunset", "duration": 0.5, "seed": number}) for number in range(5)],
]


def test_two_hundred_jobs_at_once(fleet: Fleet) -> None:
    assert len(MIXED) == 200
    # Every kind at once, not one after the other.
    order = [MIXED[number * 73 % 200] for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda item: fleet.submit(*item), order))
    assert len({job["id"] for job in jobs}) == 200
    waiting = fleet.items("/jobs?state=queued&limit=500")
    assert waiting, "200 jobs at once and none waits"
    for job in waiting:
        if job["state"] == "queued":
            assert job["reason"], describe(job)
            assert job["queuePosition"] >= 0, describe(job)
    assert sum(job["etaSeconds"] is not None for job in waiting if "etaSeconds" in job) >= len(waiting) * 0.9
    done = fleet.wait_all(jobs, 420)
    failed = [describe(job) for job in done if job["state"] != "succeeded"]
    assert not failed, failed
    for job, (kind, input) in zip(done, order, strict=True):
        assert job["kind"] == kind and job["outputs"], describe(job)
        assert len(job["attempts"]) == 1, describe(job)
    # Sums are checked one by one: no job got another one's answer.
    for job, (kind, input) in list(zip(done, order, strict=True)):
        if kind == "text":
            number = int(input["prompt"].split()[2])
            assert str(number * 3) in fleet.output(job, job["outputs"][0]["name"]).decode(), describe(job)
    endings = [event["job"] for event in fleet.events.after(0) if event["type"] == "job.state" and event.get("to") in ("succeeded", "failed", "cancelled")]
    assert all(endings.count(job["id"]) == 1 for job in jobs)
