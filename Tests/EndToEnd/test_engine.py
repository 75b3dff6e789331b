"""The Docker Engine is killed in the middle of everything: no job is lost or done twice, nothing is left over."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fleet import DEDICATED, ROAMERS, Fleet, describe, is_alive, wait_until


class Engine:
    """The fleet's private Docker Engine."""

    @staticmethod
    def is_private(fleet: Fleet) -> bool:
        return (fleet.state / "docker" / "dockerd.pid").exists()

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.pid_file = fleet.state / "docker" / "dockerd.pid"
        if not self.is_private(fleet):
            pytest.skip("the fleet runs on an engine that is not its own")
        pid = self.pid_file.read_text().strip()
        words = lambda what: [word for word in Path(f"/proc/{pid}/{what}").read_bytes().decode().split("\0") if word]
        self.arguments = words("cmdline")
        self.environment = dict(word.partition("=")[::2] for word in words("environ"))

    def kill(self) -> int:
        """The process that it was."""
        pid = int(self.pid_file.read_text())
        assert is_alive(pid), "the engine is not running"
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), 10, "the engine to be gone")
        return pid

    def start(self) -> None:
        log = (self.fleet.state / "docker" / "dockerd.log").open("ab")
        self.process = None

        def answers() -> bool:
            if self.process is None or self.process.poll() is not None:
                self.pid_file.unlink(missing_ok=True)
                if self.process is not None:
                    # Killed in the midst of a change of its networks, Docker 20.10 panics at every start from then on.
                    library = Path(__file__).parents[2] / "Scripts" / "lib" / "all.sh"
                    subprocess.run(["bash", "-c", 'source "$0"; forget_networks "$1"', library, self.fleet.state], check=True)
                self.process = subprocess.Popen(
                    self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
                )
            return bool(self.fleet.docker("version", "--format", "{{.Server.Version}}", check=False))

        wait_until(answers, 60, "the engine to answer")


def test_killed_in_the_midst_of_pulls_runs_and_cleanups(fleet: Fleet, tmp_path: Path) -> None:
    engine = Engine(fleet)
    registry = int((fleet.state / "registry" / "pid").read_text())
    images = [fleet.fresh_image(tmp_path / f"image-{number}", 1 << 20) for number in range(2)]
    # Of a volume that an image declares nothing tells once its container is gone. It is here already: all run at one time.
    declaring = fleet.fresh_image(tmp_path / "declaring", 1000, "VOLUME /kept\n")
    fleet.docker("pull", declaring)
    mark = fleet.mark()
    pictures = [fleet.submit("image", {"prompt": f"picture {number}", "seconds": 4}, retries=5) for number in range(4)]
    script = "sleep 4; echo done > /job/outputs/done.txt"
    runs = [fleet.run("sh", "-c", script, image=image, retries=5) for image in ("jessica/base:latest", declaring)]
    for job in [*runs, *pictures[:2]]:
        fleet.wait(job, 40, goal="running")
    os.kill(registry, signal.SIGSTOP)
    try:
        pulls = [fleet.run("true", image=fresh, retries=5) for fresh in images]
        for job in pulls:
            fleet.expect(mark, 20, "the job to be prepared", type="job.state", job=job["id"], to="provisioning")
        engine.kill()
    finally:
        os.kill(registry, signal.SIGCONT)
    time.sleep(3)  # The fault itself: so long is the engine away.
    engine.start()
    # Once more, in the midst of a cleanup.
    fleet.expect(fleet.mark(), 60, "a roamer to be cleaned", type="roamer.state", to="CLEANUP")
    engine.kill()
    time.sleep(1)
    engine.start()
    jobs = [*pictures, *runs, *pulls]
    for job in fleet.wait_all(jobs, 180):
        assert job["state"] == "succeeded", describe(job)
        fleet.assert_ended_once(job)
    ended = time.monotonic()
    fleet.settle(60)
    for name in ROAMERS:
        fleet.assert_clean(name)
    assert len(fleet.containers()) == len(DEDICATED)
    print(f"all at rest {time.monotonic() - ended:.1f} s after the last job")


def test_a_disk_that_fills_up_while_pulling(fleet: Fleet, tmp_path: Path) -> None:
    engine = Engine(fleet)
    image = fleet.fresh_image(tmp_path / "image", 8 << 20)
    # Where the engine keeps what it downloads, as it sees it.
    folder = Path(engine.arguments[engine.arguments.index("--data-root") + 1]) / "tmp"
    inside = ["nsenter", "--target", engine.pid_file.read_text().strip(), "--mount"]
    subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    try:
        ended = fleet.wait(fleet.run("true", image=image, retries=0), 120)
        assert ended["state"] == "failed" and ended["error"]["code"] == "disk_full", describe(ended)
        # Who needs no image is not in its way.
        fleet.succeed(fleet.submit("image", {"prompt": "a picture"}), 60)
    finally:
        subprocess.run([*inside, "umount", str(folder)], check=True)
    fleet.succeed(fleet.run("true", image=image), 60)
