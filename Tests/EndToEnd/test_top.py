"""`jctl top` on a real terminal: what is on the screen, keys, sizes, and the terminal as it was afterwards."""

import os
import re
import shlex
import signal
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet import Fleet, wait_until


class Terminal:
    """A shell in tmux, with jctl at hand."""

    def __init__(self, fleet: Fleet, columns: int = 80, rows: int = 24):
        self.server = f"jessica-{uuid.uuid4().hex[:8]}"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("JCTL_", "JESSICA_", "TMUX", "NO_COLOR"))}
        environment |= {"JCTL_ENDPOINT": str(fleet.socket), "PATH": f"{fleet.bin}:{environment['PATH']}", "LC_ALL": "C.UTF-8"}
        self.environment = environment
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", "-x", str(columns), "-y", str(rows), "bash --norc --noprofile")
        self.type("PS1='ready> '; clear")
        self.press("Enter")
        self.shows("^ready>$")

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.server, *arguments], env=self.environment, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"tmux {shlex.join(arguments)}: {done.stderr}"
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "main")

    def value(self, name: str) -> str:
        return self.tmux("display-message", "-p", "-t", "main", f"#{{{name}}}").strip()

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "main", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "main", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        self.tmux("resize-window", "-t", "main", "-x", str(columns), "-y", str(rows))

    def shows(self, *patterns: str, within: float = 15) -> str:
        """The screen once it shows all of these."""
        try:
            wait_until(lambda: all(re.search(pattern, self.screen(), re.M) for pattern in patterns), within, "the screen")
        except AssertionError as late:
            raise AssertionError(f"no {patterns} on the screen:\n{self.screen()}") from late
        return self.screen()

    def child(self) -> int:
        """The program that the shell runs."""
        children = subprocess.run(["pgrep", "-P", self.value("pane_pid")], capture_output=True, text=True).stdout.split()
        assert len(children) == 1, children
        return int(children[0])

    def assert_given_back(self) -> None:
        """The shell's own screen, with its cursor and its line editing."""
        self.shows(r"^ready>$")
        assert self.value("alternate_on") == "0" and self.value("cursor_flag") == "1" and self.value("wrap_flag") == "1"
        self.press("C-l")
        self.type("stty -a | tr ' ;' '\\n' | grep -xE 'icanon|echo|isig|opost' | sort | tr '\\n' ,")
        self.press("Enter")
        self.shows("^echo,icanon,isig,opost,")
        self.type("clear")
        self.press("Enter")


@pytest.fixture
def terminal(fleet: Fleet) -> Iterator[Terminal]:
    made = Terminal(fleet)
    yield made
    subprocess.run(["tmux", "-L", made.server, "kill-server"], capture_output=True, timeout=20)


def test_top_shows_the_fleet_live_and_obeys_keys(fleet: Fleet, terminal: Terminal) -> None:
    terminal.type("clear; jctl top")
    terminal.press("Enter")
    terminal.shows(r"\[1 overview\].*live", r"^nodes: 15 ready", r"vision +2/2", r"agx-11 +IDLE", "no job waits or runs")
    terminal.press("2")
    # All fifteen, with what their sensors say.
    nodes = terminal.shows(r"\[2 nodes\]", r"^> agx-01 +ready .*\d+% .*sdxl-api", r"agx-15 +ready", r"1/15$")
    assert len(re.findall(r"agx-\d\d +ready", nodes)) == 15
    terminal.press("G")
    terminal.shows(r"^> agx-15", r"15/15$")
    terminal.type("/agx-0")
    terminal.press("Enter", "g", "Enter")
    terminal.shows("node agx-01", r"^Cluster: +vision", r"^Pods")
    terminal.press("Escape")
    terminal.shows(r"/agx-0 1/9$")

    # A job appears, its log is followed, and it is cancelled after a question.
    job = fleet.run("sh", "-c", "while true; do echo painting; sleep 1; done")["id"]
    terminal.type(":jobs")
    terminal.press("Enter")
    terminal.shows(rf"{job} +custom +running +agx-1")
    terminal.press("g")
    terminal.shows(rf"^> {job}")
    terminal.press("l")
    terminal.shows("log of " + job, "^painting$")
    terminal.press("Escape", "c")
    terminal.shows(rf"cancel {job} .*y/N")
    terminal.press("n")
    terminal.shows("goes on")
    terminal.press("C-k", "y")
    assert fleet.wait(job, 30)["state"] == "cancelled"
    terminal.shows(rf"{job} +custom +cancelled")
    terminal.press("5")
    terminal.shows(r"\[5 events\]", "→ cancelled", r"roamer.state")

    # Smaller, far too small, larger.
    terminal.press("4")
    terminal.resize(40, 10)
    terminal.shows(r"^\[4 roamers\] +live", r"agx-11")
    terminal.resize(30, 8)
    terminal.shows("top needs 40x10")
    terminal.resize(120, 40)
    terminal.shows(r"\[4 roamers\]", "ROAMER +STATE +FOR +UNTIL +SINCE +NOW")
    terminal.press("q")
    terminal.assert_given_back()


def test_top_gives_the_terminal_back_however_it_ends(fleet: Fleet, terminal: Terminal) -> None:
    endings = {"C-c": None, "SIGTERM": signal.SIGTERM, "a crash": signal.SIGSEGV, "SIGINT": signal.SIGINT}
    for number in endings.values():
        terminal.type("clear; jctl top")
        terminal.press("Enter")
        terminal.shows(r"\[1 overview\].*live")
        assert terminal.value("alternate_on") == "1"
        if number is None:
            terminal.press("C-c")
        else:
            os.kill(terminal.child(), number)
        terminal.assert_given_back()


def test_top_says_when_the_controller_is_away(fleet: Fleet, terminal: Terminal) -> None:
    terminal.type("clear; NO_COLOR=1 jctl top")
    terminal.press("Enter")
    terminal.shows(r"\[1 overview\].*live")
    assert "\033[" not in terminal.tmux("capture-pane", "-e", "-p", "-t", "main"), "NO_COLOR"
    fleet.controller.kill()
    terminal.shows(r"STALE \d")
    fleet.controller.start()
    fleet.until(fleet.is_serving, 30, "the controller to be back")
    terminal.shows(r"\[1 overview\].*live", within=40)
    terminal.press("q")
    terminal.assert_given_back()
    # In a pipe, and with nobody at the keys, it is shown once.
    once = fleet.jctl("top")
    assert once.returncode == 0 and "agx-11" in once.stdout and "\033" not in once.stdout


def test_a_bundle_has_what_a_maintainer_needs_and_no_secret(fleet: Fleet, tmp_path: Path) -> None:
    secret = f"canary{uuid.uuid4().hex}"
    failed = fleet.run("sh", "-c", f"echo {secret}; echo {secret} >&2; exit 3", retries=0, labels={"who": secret}, input={"prompt": f"paint {secret}"})
    assert fleet.wait(failed, 60)["state"] == "failed"
    token = (fleet.state / "controller" / "admin.token").read_text().strip()
    done = fleet.jctl("debug", "bundle", "--out", str(tmp_path / "b.tar.gz"))
    assert done.returncode == 0, done.stderr
    assert "missing" not in done.stderr, done.stderr
    path = Path(done.stdout.strip())
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        files = {Path(member.name).name: tar.extractfile(member).read().decode() for member in tar.getmembers()}
    for name, text in files.items():
        assert secret not in text and token not in text, name
    assert failed["id"] in files["failed-jobs.jsonl"] and failed["id"] in files["events.jsonl"]
    assert "agx-15" in files["nodes.jsonl"] and "sdxl-api" in files["cluster.yaml"]
    assert "jessica_build_info" in files["metrics.txt"] and '"store"' in files["diagnosis.json"]
