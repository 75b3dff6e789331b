"""Every command of jctl as people type it: on a terminal of 80 columns, and in a pipe."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet import ROAMERS, Fleet, wait_until
from test_api import public_key
from test_registry import FaultyRegistry
from test_top import Terminal, terminal  # noqa: F401

COLUMNS = 80


@dataclass
class Ran:
    """What one command has shown, line by line as jctl wrote them, and how it ended."""

    code: int
    lines: list[str]
    # All bytes that went to the terminal, with what was drawn over since.
    drawn: str = ""
    # In a pipe, what went to stderr.
    messages: str = ""


class Shell:
    """A terminal whose shell says before each prompt how the command before has ended."""

    def __init__(self, terminal: Terminal, folder: Path):  # noqa: F811
        self.terminal = terminal
        self.folder = folder
        self.drawn = folder / "drawn"
        self.commands = 0
        terminal.tmux("pipe-pane", "-t", "main", f"cat >'{self.drawn}'")
        self.run(f"""cd '{folder}'; PROMPT_COMMAND='echo "=$((++commands)):${{PIPESTATUS[0]}}="'""")

    def set(self, **variables: str) -> None:
        """Names for what is long to type."""
        (self.folder / "names").write_text("".join(f"export {name}='{value}'\n" for name, value in variables.items()))
        assert self.run(". ./names").code == 0

    def run(self, command: str, until: str = "", key: str = "") -> Ran:
        """Types a command, and presses a key once it shows what it shall go on with; comes back with the prompt."""
        self.commands += 1
        before = self.drawn.stat().st_size if self.drawn.exists() else 0
        self.terminal.tmux("clear-history", "-t", "main")
        self.terminal.type(command)
        self.terminal.press("Enter")
        if key:
            self.terminal.shows(until, within=60)
            self.terminal.press(key)
        ended = re.compile(rf"={self.commands}:(\d+)=\nready> *$", re.M)
        # With -J what the terminal has broken is one line again.
        shown = self.until(lambda: self.terminal.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "main"), ended, command)
        end = ended.search(shown)
        assert end
        typed = shown.rfind(f"ready> {command}\n", 0, end.start())
        start = typed + len(f"ready> {command}\n") if typed >= 0 else 0
        lines = [line.rstrip() for line in shown[start : end.start()].splitlines()]
        written = self.until(lambda: self.drawn.read_bytes()[before:].decode(errors="replace"), re.compile(rf"={self.commands}:\d+="), command)
        return Ran(int(end[1]), lines, written)

    def pipe(self, command: str, until: str = "", key: str = "") -> Ran:
        """The same with its output in a pipe, and its messages in a file."""
        # A tee that outlives ^C, as jctl may have something to say then.
        ran = self.run(f"{command} 2>e|tee -i o", until, key)
        out, messages = ((self.folder / name).read_bytes().decode() for name in "oe")
        return Ran(ran.code, out.splitlines(), out, messages)

    def until(self, look: Callable[[], str], pattern: re.Pattern[str], command: str) -> str:
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            seen = look()
            return pattern.search(seen) is not None

        try:
            wait_until(is_there, 120, "the prompt")
        except AssertionError as late:
            raise AssertionError(f"no prompt after `{command}`:\n{seen}") from late
        return seen


@pytest.fixture
def shell(terminal: Terminal, tmp_path: Path) -> Shell:  # noqa: F811
    return Shell(terminal, tmp_path)


@dataclass
class Case:
    """What is typed behind the verb; % is 1 on the terminal and 2 in the pipe, for what can be done once."""

    words: str = ""
    code: int = 0
    # What goes on shows this, and is ended by a key.
    until: str = ""
    key: str = ""
    # Whether lines are as long as they have to be: to be copied, for a program, or told as they come.
    is_whole: bool = False
    # Lines of what it says.
    shows: tuple[str, ...] = ()


# What the doctor has looked at, and found fine, in a fleet where nothing is wrong.
HEALTHY = (
    r"^jctl +- +ok +/",
    r"^store +- +ok +Redis \d",
    r"^objects +- +ok +the folder of outputs",
    r"^catalogue +- +ok +\d+ jobs can be listed",
    r"^disk +- +(ok|warning) +[\d.]+ [GT]B are free",
    r"^clock +- +(ok|warning) ",
    *(rf"^certificate +{what} +ok +it is good until \d{{4}}-" for what in ("authority", "controller")),
    r"^certificate +nodes +ok +those of 15 nodes are good",
    r"^names +registry +ok +127\.0\.0\.1 has an address",
    r"^nodes +- +ok +all 15 are heard",
)


# In the order in which they are typed.
CASES = {
    # Before anything is asked of the fleet that it could not do.
    "doctor": [Case(), Case("--all", shows=HEALTHY)],
    "status": [Case()],
    "version": [Case(), Case("--client")],
    "top": [Case(until=r"\[1 overview\].*live", key="q"), Case("--once")],
    "get": [
        *(Case(noun) for noun in ("jobs", "plans", "nodes", "clusters", "roamers", "services", "templates", "events", "tokens")),
        Case("nodes agx-01 -o yaml", is_whole=True),
        Case("nodes nobody", 5),
        Case("nodes -w", 130, until="^agx-15 ", key="C-c"),
    ],
    "describe": [
        *(Case(words) for words in ("job $JOB", "plan $PLAN", "node agx-01", "cluster vision", "roamer agx-11", "service sdxl-api", "template sdxl-worker")),
        Case("job nothing", 5),
    ],
    "logs": [Case("$JOB"), Case("-t $JOB"), Case("-f $LONG", 130, until="^tick$", key="C-c")],
    "outputs": [Case("$JOB"), Case("$JOB --out saved")],
    "wait": [Case("$JOB"), Case("plan $PLAN"), Case("--timeout 1s $LONG", 8)],
    "events": [Case("--limit 30"), Case("-f --since 1h --job $JOB", 130, until="→ succeeded", key="C-c", is_whole=True)],
    "assign": [Case("$IDLE% --template generic-worker"), Case("agx-01 --template generic-worker", 6)],
    "release": [Case("$IDLE%")],
    "cancel": [Case("--state queued --dry-run"), Case("--state queued", 2), Case("$WAITING%"), Case("$JOB", 6)],
    "retry": [Case("$FAILED%"), Case("$JOB", 6), Case("$WAITING%", 6)],
    "ask": [Case("say hello"), Case("xyzzy", 1)],
    "submit": [Case("""--kind text --input '{"prompt": "hi"}'"""), Case("--kind text --input '{'", 2)],
    "run": [Case("--image jessica/base:latest --detach -- true"), Case("-- true", 2)],
    "cordon": [Case("agx-0%"), Case("nobody", 5)],
    "uncordon": [Case("agx-0%")],
    "drain": [Case("agx-0%")],
    "undrain": [Case("agx-0%")],
    "node": [Case("join", is_whole=True), Case("ls-pending"), Case("ban $BOX%"), Case("approve $NEW%"), Case("approve nobody", 5)],
    # 1 says that something would change.
    "plan": [Case("-f same.yaml"), Case("-f other.yaml", 1, is_whole=True)],
    "apply": [Case("-f same.yaml"), Case("-f broken.yaml", 2)],
    "debug": [Case("bundle --out bundle%.tar.gz")],
    "audit": [Case("--limit 30")],
    "backup": [Case(), Case("ls"), Case("get --out backup%.gz")],
    "restore": [Case("$BACKUP"), Case("2020-01-01T00-00-00.000Z", 5)],
    "token": [Case("create $NAME%"), Case("ls"), Case("rm $NAME%"), Case("rm $NAME%", 5)],
    "webhook": [Case("create $NAME% --url https://hooks.invalid/"), Case("ls"), Case("test $NAME%", 1), Case("rm $NAME%")],
    "context": [Case("set home% --endpoint https://spark:8443"), Case(), Case("use home%"), Case("rm home%"), Case("use nothing", 2)],
    "completion": [*(Case(name, is_whole=True) for name in ("bash", "zsh", "fish")), Case("csh", 2)],
}


def two_idle(fleet: Fleet) -> list[str]:
    """Two roamers that are IDLE; none while there are no two."""
    idle = [roamer for roamer in ROAMERS if fleet.roamer(roamer) == "IDLE"]
    return idle[:2] if len(idle) >= 2 else []


def prepare(fleet: Fleet, shell: Shell) -> None:
    """What the commands are given, made once."""
    job = fleet.run("sh", "-c", "echo hello; echo made >/job/outputs/made.txt")["id"]
    long = fleet.run("sh", "-c", "while :; do echo tick; sleep 1; done")["id"]
    plan = fleet.post("/plans", {"name": "tried", "steps": [{"name": "a", "kind": "text", "input": {"prompt": "hello"}}]})["id"]
    waiting = [fleet.submit("text", {"prompt": "hello"}, after=[long])["id"] for _ in range(2)]
    failed = [fleet.run("false", retries=0)["id"] for _ in range(2)]
    name = f"tried-{time.monotonic_ns()}"
    for number in (1, 2, 3, 4):
        status, box = fleet.call("POST", "/api/v1/enrolments", {"node": f"{name}-{number}", "key": public_key(), "version": "1"})
        assert status == 202, box
    status, backup = fleet.call("POST", "/api/v1/backups", {})
    assert status in (200, 201, 202), backup
    source = fleet.get("/fleet")["source"]
    files = {"same": source, "other": source.replace("max_roamers: 3", "max_roamers: 2", 1), "broken": "clusters: ["}
    for file, text in files.items():
        (shell.folder / f"{file}.yaml").write_text(text)
    fleet.succeed(job)
    for one in failed:
        assert fleet.wait(one)["state"] == "failed"
    fleet.wait(long, goal="running")
    idle = fleet.until(lambda: two_idle(fleet), 60, "two roamers to be idle")
    shell.set(
        JOB=job, LONG=long, PLAN=plan, WAITING1=waiting[0], WAITING2=waiting[1], IDLE1=idle[0], IDLE2=idle[1], NAME1=f"{name}-1", NAME2=f"{name}-2",
        BOX1=f"{name}-1", BOX2=f"{name}-2", NEW1=f"{name}-3", NEW2=f"{name}-4", FAILED1=failed[0], FAILED2=failed[1], BACKUP=backup["name"], JCTL_CONFIG=str(shell.folder / "config.yaml"),
    )


def plain(line: str) -> str:
    """A message without what is another's, or of another moment."""
    return re.sub(r"\b[0-9a-z]{26}\b|\d+", "#", line)


def problems(case: Case, shown: Ran, piped: Ran) -> list[str]:
    """What is wrong with a command that was typed for the terminal and for a pipe."""
    found = [] if (shown.code, piped.code) == (case.code, case.code) else [f"ended with {shown.code}, and with {piped.code} in a pipe, not with {case.code}"]
    found += [f"does not show {line}" for line in case.shows for ran in (shown, piped) if not re.search(line, "\n".join(ran.lines), re.M)]
    if "\033" in piped.drawn + piped.messages:
        found.append("wrote an escape sequence to a pipe")
    if case.is_whole:
        return found
    # Whole sentences are a terminal's to break; the rest has to fit.
    messages = {plain(line) for line in piped.messages.splitlines()}
    wide = [line for line in shown.lines if len(line) > COLUMNS and plain(line) not in messages]
    return found + [f"is {len(line)} columns wide: {line}" for line in wide + [line for line in piped.lines if len(line) > COLUMNS]]


def test_every_command_on_a_terminal_and_in_a_pipe(fleet: Fleet, shell: Shell) -> None:
    verbs = re.findall(r"^  ([a-z]+) {2,}\S", fleet.jctl("--help").stdout, re.M)
    assert sorted(verbs) == sorted(CASES), "each verb of jctl is tried here"
    prepare(fleet, shell)
    wrong = []
    try:
        for verb, cases in CASES.items():
            for case in cases:
                command = f"jctl {verb} {case.words}".strip()
                shown = shell.run(command.replace("%", "1"), case.until, case.key)
                # Who has no terminal to draw on presses no keys.
                is_stopped = case.key == "C-c"
                piped = shell.pipe(command.replace("%", "2"), case.until if is_stopped else "", case.key if is_stopped else "")
                for problem in problems(case, shown, piped):
                    wrong.append(f"`{command}` {problem}\n" + "\n".join([*shown.lines, "in a pipe:", *piped.lines, piped.messages]))
        shell.terminal.assert_given_back()
    finally:
        for kind in ("tokens", "webhooks"):
            for item in fleet.items(f"/{kind}"):
                if item["name"].startswith("tried-"):
                    fleet.call("DELETE", f"/api/v1/{kind}/{item['name']}")
    assert not wrong, "\n\n".join(wrong)


def test_an_upload_is_drawn_on_a_terminal_only(fleet: Fleet, shell: Shell) -> None:
    (shell.folder / "film.bin").write_bytes(os.urandom(40_000_000))
    command = "jctl submit --kind text --file film=film.bin"
    shown, piped = shell.run(command), shell.pipe(command)
    for ran in (shown, piped):
        assert ran.code == 0, ran
        assert len(ran.lines) == 1 and re.fullmatch("[0-9a-z]{26}", ran.lines[0]), f"the line is not taken away: {ran.lines}"
        fleet.call("POST", f"/api/v1/jobs/{ran.lines[0]}/cancel", {})
    shares = [int(share) for share in re.findall(r"\r\033\[Kuploading film\.bin  \[[█░]+\] (\d+) %", shown.drawn)]
    assert len(shares) > 50 and shares == sorted(shares) and shares[0] < 5 and shares[-1] == 100, shares
    assert not piped.messages and "\033" not in piped.drawn, piped


def test_a_jobs_way_to_a_roamer_is_drawn_on_a_terminal_only(fleet: Fleet, shell: Shell) -> None:
    registry = FaultyRegistry(int(fleet.settings["registry"]))
    registry.fault = "slow"
    # One for each of the two: what was pulled once is here.
    made = [fleet.fresh_image(shell.folder / f"image-{number}", 2_000_000).partition("/")[2] for number in (1, 2)]
    images = [f"127.0.0.1:{registry.port}/{image}" for image in made]
    shell.set(IMAGE1=images[0], IMAGE2=images[1])
    try:
        shown = shell.run("jctl run --image $IMAGE1 -- echo done")
        piped = shell.pipe("jctl run --image $IMAGE2 -- echo done")
    finally:
        registry.heal()
        registry.shutdown()
        for image in images:
            fleet.docker("image", "rm", image, check=False)
    assert (shown.code, piped.code) == (0, 0), (shown, piped)
    line = r"\r\033\[Kcustom [0-9a-z]{26}  "
    assert re.search(line + "(assigned|provisioning)", shown.drawn), shown.drawn
    shares = [int(share) for share in re.findall(line + r"provisioning on agx-\d\d  \[[█░]+\] (\d+) %", shown.drawn)]
    assert shares == sorted(shares) and any(0 < share < 100 for share in shares), shown.drawn
    assert re.fullmatch(r"job [0-9a-z]{26}\ndone", "\n".join(shown.lines)), f"the line is not taken away: {shown.lines}"
    # There it is a line for each step, and nothing is drawn.
    assert piped.lines == ["done"] and re.search(r"^job [0-9a-z]{26}: provisioning on agx-\d\d, \d+%, ", piped.messages, re.M), piped
    assert not re.search(r"[\033\r█]|\[#", piped.drawn + piped.messages), piped
