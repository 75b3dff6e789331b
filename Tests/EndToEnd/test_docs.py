"""What the documentation tells people to type does what it says: every line of it is typed here, in its order."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from alone import CLEAN, Controller
from fleet import ROOT, Fleet

PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]
# What goes on until it is stopped.
ENDLESS = re.compile(r" (-f|-w|--watch)\b|^jctl top$")
# What asks somebody out in the world: that it is refused or tried is all that can be seen here.
ABROAD = re.compile(r"^jctl webhook test ")
# The programs whose lines are typed, by themselves or behind a pipe.
PROGRAM = re.compile(r"^    (?:[\w./-]+[^|]* \| |sudo (?:-u \w+ )?)?(?:jctl|fleet-sim|fleet-agent|spark-controller) ")
# What is not typed here, and why.
ELSEWHERE = {
    "sudo -u jessica spark-controller restore --from FILE|NAME [--force]": "is for an installed controller that is down; test_backup.py restores",
}
# What would take minutes takes seconds; what it is called with stays what the page says.
SHORTER = {
    "--seeds 2000": "--seeds 20",
    "--seeds 10 --nodes 100 --hours 4": "--seeds 1 --nodes 100 --hours 1",
    "--policy policies.json": "--policy policies.json --seeds 1 --hours 1",
}
POLICIES = '{"mine": {"overflow": "backlog", "backlog_factor": 3, "release_idle_seconds": 60}}\n'


def lines(page: str) -> list[str]:
    """The lines that call a program of ours, without what is said about them; of several in one, each."""
    found = []
    for line in (ROOT / page).read_text().splitlines():
        if not PROGRAM.match(line):
            continue
        line = re.split(r"\s+# ", line.strip())[0].strip()
        if line in ELSEWHERE:
            continue
        if match := re.search(r"\S+(\|[a-z]+)+", line):
            found += [line.replace(match[0], word) for word in match[0].split("|")]
        else:
            found += [part.strip() for part in line.split("; ")]
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if lines(page)])
def test_every_line_of_a_page_can_be_typed(fleet: Fleet, page: str, tmp_path: Path) -> None:
    plan = fleet.call("POST", "/api/v1/plans", {"name": "docs", "steps": [{"name": "hello", "kind": "text", "input": {"prompt": "hello"}}]})[1]["id"]
    job = fleet.succeed(fleet.run("sh", "-c", "echo hello"), 60)["id"]
    home = tmp_path / "home"
    for folder in (".config/jctl", ".local/share/bash-completion/completions"):
        (home / folder).mkdir(parents=True)
    for name in ("home.token", "home.crt"):
        (home / ".config/jctl" / name).write_text("fct_0\n")
        (home / ".config/jctl" / name).chmod(0o600)
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    (tmp_path / "postcard.yaml").write_text((ROOT / "docs" / "plans.md").read_text().partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "usb").mkdir()
    (tmp_path / "policies.json").write_text(POLICIES)
    # What a board would say.
    (tmp_path / "bin").mkdir()
    tegrastats = tmp_path / "bin" / "tegrastats"
    tegrastats.write_text(f"#!/bin/sh\nexec grep -v '^#' '{ROOT / 'Tests/TelemetryTests/Samples/tegrastats.txt'}'\n")
    tegrastats.chmod(0o755)
    environment = {**os.environ, "HOME": str(home), "JCTL_ENDPOINT": str(fleet.socket), "PATH": f"{tmp_path / 'bin'}:{fleet.bin}:{os.environ['PATH']}"}
    environment.pop("JCTL_CONFIG", None)
    with (tmp_path / "events.jsonl").open("w") as events:
        subprocess.run([fleet.bin / "jctl", "events", "--since", "24h", "--limit", "0", "-o", "jsonl"], env=environment, stdin=subprocess.DEVNULL, stdout=events, check=True, timeout=60)
    try:
        for line in lines(page):
            typed = line.replace("[NAME] ", "").replace("/mnt/usb", str(tmp_path / "usb")).replace("plan ID", f"plan {plan}")
            typed = re.sub(r"--plan ID", f"--plan {plan}", typed).replace(" ID", f" {job}")
            for long, short in SHORTER.items():
                typed = typed.replace(long, short)
            command = ["timeout", "3" if ENDLESS.search(line) else "120", "bash", "-o", "pipefail", "-c", typed]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            # What follows is stopped by us, or has come to its end.
            good = {0, 124} if ENDLESS.search(line) else {0, 1} if ABROAD.search(line) else {0}
            assert done.returncode in good, f"{page}: `{typed}` ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    finally:
        fleet.jctl("webhook", "rm", "hooks")
        fleet.jctl("token", "rm", "prometheus")


def test_the_lines_of_all_programs_are_found() -> None:
    typed = [line for page in PAGES for line in lines(page)]
    assert {"fleet-sim run --seeds 2000", "tegrastats --interval 1000 | fleet-agent tegrastats --parse", "jctl get jobs"} <= set(typed)
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    assert all(f"    {line}\n" in text for line in ELSEWHERE), "a page says it no more"


def blocks(page: str) -> list[tuple[str, str]]:
    """What a page's fenced blocks hold that are no drawings, each with the kind that the comment before it names."""
    text = (ROOT / page).read_text()
    found = re.findall(r"^(?:<!-- check: (\w+) -->\n)?```(\w+)\n(.*?)^```$", text, re.M | re.S)
    assert all(language == "yaml" for _, language, _ in found), f"{page} has blocks of a language that nobody checks"
    return [(kind, content) for kind, _, content in found]


def check_settings(fleet: Fleet, kind: str, file: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Settings as the program reads them; what each of them must have stands on the command line."""
    if kind == "controller":
        controller = Controller(fleet, folder)
        return controller.refused("--check-config", "--config", str(file))
    words = [fleet.bin / "fleet-agent", "run", "--check-config", "--config", file, "--node", "agx-01", "--controller-host", "spark"]
    return subprocess.run(words, env=CLEAN, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def test_every_block_of_yaml_is_what_its_reader_takes(fleet: Fleet, tmp_path: Path) -> None:
    checked = []
    for page in PAGES:
        for number, (kind, content) in enumerate(blocks(page)):
            file = tmp_path / f"{page.replace('/', '-')}-{number}.yaml"
            file.write_text(content)
            if kind in ("controller", "agent"):
                done = check_settings(fleet, kind, file, tmp_path / "controller")
                assert (done.returncode, done.stdout) == (0, "the configuration is fine\n"), f"{page}:\n{content}\n{done.stderr}"
            elif kind == "cluster":
                # A fleet of its own: what it would change does not matter, only that it is understood.
                with (alone := Controller(fleet, tmp_path / "cluster")).start():
                    done = alone.jctl("apply", "-f", file, "--dry-run")
                    assert done.returncode == 0, f"{page}:\n{content}\n{done.stderr}"
                    applied = alone.jctl("plan", "-f", file)
                    assert applied.returncode == 1, applied
            elif kind == "plan":
                done = fleet.jctl("submit", "--plan", str(file))
                assert done.returncode == 0, f"{page}:\n{content}\n{done.stderr}"
                assert fleet.jctl("cancel", "plan", done.stdout.split()[0]).returncode == 0
            else:
                raise AssertionError(f"{page}: a comment `<!-- check: KIND -->` must stand before\n{content}")
            checked.append(kind)
    assert len(checked) >= 7 and {"controller", "agent", "cluster", "plan"} == set(checked), checked


def metadata(text: str) -> list[str]:
    """What stands in the brackets of a source's literals of log metadata."""
    found = []
    for match in re.finditer(r"metadata: (?:Logger\.Metadata = )?\[", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"[": 1, "]": -1}.get(text[end], 0)
            end += 1
        found.append(text[match.end() : end - 1])
    return found


def test_the_logs_have_the_keys_that_are_described_and_no_others() -> None:
    described = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "logging.md").read_text(), re.M)
    assert described == sorted(set(described)), "each once, in order"
    used: dict[str, Path] = {}
    for file in (ROOT / "Sources").rglob("*.swift"):
        text = file.read_text()
        keys = re.findall(r'metadata\["([^"]+)"\]', text)
        for literal in metadata(text):
            keys += re.findall(r'(?:^|[\s,])"([^"\\]+)":\s', literal)
        used |= dict.fromkeys(keys, file)
    assert len(used) > 40
    assert set(used) == set(described), {key: used.get(key, "nowhere") for key in set(used) ^ set(described)}


def test_every_setting_is_described() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    tables = {"ControlPlane/Settings/ControllerSettings.swift": "## The controller", "NodeAgent/Program/AgentSettings.swift": "## The agent"}
    for file, heading in tables.items():
        source = (ROOT / "Sources" / file).read_text()
        settings = set(re.findall(r'SettingSpec\(\s*"([a-z_.]+)"', source)) - {"config", "check_config"}
        rows = re.findall(r"^\| (`[^|]+`) \|", text.partition(f"{heading}\n")[2].partition("\n## ")[0], re.M)
        described = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
        assert len(settings) > 15 and sorted(described) == sorted(settings), f"{heading}: {set(described) ^ settings}"
    keys = set()
    for file in (ROOT / "Sources/ControlPlane/FleetFile").glob("FleetReader*.swift"):
        for allowed in re.findall(r"allowed: \[([^\]]*)\]", file.read_text()):
            keys |= set(re.findall(r'"([a-z_]+)"', allowed))
    # What is only checked is Docker's to say.
    missing = {key for key in keys - {"driver", "attachable", "internal"} if not re.search(rf"\b{key}\b", text)}
    assert len(keys) > 25 and not missing, missing


def test_what_a_job_or_a_request_fails_with_is_described() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()

    def codes(heading: str) -> set[str]:
        rows = re.findall(r"^\|.*\|$", text.partition(f"{heading}\n")[2].partition("\n## ")[0].partition("\n### ")[0], re.M)
        return {code for row in rows for code in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", " ".join(row.split("|")[1:3]))}

    failures = set(re.findall(r'FailureCode = "([a-z_]+)"', (ROOT / "Sources/FleetCore/Link/Failure.swift").read_text()))
    assert len(failures) > 20 and failures <= codes("### How a job failed"), failures - codes("### How a job failed")
    machine = (ROOT / "Sources/FleetCore/Controller/ControllerEvent.swift").read_text().partition("package enum Code:")[2].partition("\n    }")[0]
    refusals = set(re.findall(r'case \w+ = "([a-z_]+)"', machine))
    for file in (ROOT / "Sources/ControlPlane").rglob("*.swift"):
        refusals |= set(re.findall(r'APIError\(\s*\.(?:[a-zA-Z]+|init\([^)]*\)),\s*"([a-z_]+)"', file.read_text()))
    described = codes("### What a request is refused with")
    assert len(refusals) > 25 and refusals <= described, refusals - described


def verbs(fleet: Fleet) -> list[str]:
    text = fleet.jctl("--help").stdout
    return re.findall(r"^  ([a-z]+)  ", text, re.M)


def test_every_example_of_the_help_is_understood(fleet: Fleet, tmp_path: Path) -> None:
    """Without a controller: whatever is wrong then, it is not how jctl was called."""
    environment = {**os.environ, "HOME": str(tmp_path), "JCTL_ENDPOINT": str(tmp_path / "none.sock"), "PATH": f"{fleet.bin}:{os.environ['PATH']}"}
    seen = 0
    for verb in verbs(fleet):
        examples = fleet.jctl(verb, "--help").stdout.partition("EXAMPLES:")[2].partition("USAGE:")[0]
        for line in re.findall(r"^ +(jctl .*)$", re.sub(r"\s*\\\n\s*", " ", examples), re.M):
            # What is said about it stands behind two spaces.
            typed = re.split(r"\s{2,}|\s[|<>]\s?", line)[0]
            words = shlex.split(typed)
            if words[1] != verb:
                continue
            for word in words:
                name = word.rpartition("=")[2].lstrip("@")
                if re.fullmatch(r"[\w-]+\.(json|jsonl|yaml|png|jpg|wav)", name):
                    (tmp_path / name).write_text("fleet: x\nsteps: []\n" if name.endswith("yaml") else "{}\n")
            # What waits for the controller to come has understood, too.
            command = ["timeout", "2", "bash", "-c", typed]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.returncode != 2, f"`{line}`: {done.stderr}"
            seen += 1
    assert seen > 40, f"only {seen} examples were found"
