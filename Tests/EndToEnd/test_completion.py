"""The completions that jctl prints, in the shells that they are for."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fleet import Fleet, wait_until
from test_top import Terminal, terminal  # noqa: F401

# A shell without anybody's settings, and what makes it know jctl's words.
SHELLS = {
    "zsh": ("zsh -f", "PS1='ready> '; autoload -Uz compinit; compinit -u -D; source <(jctl completion zsh); compdef _jctl jctl"),
    "fish": ("fish --no-config --private", "function fish_prompt; echo 'ready> '; end; jctl completion fish | source"),
}


def test_bash_completes_names_of_the_fleet(fleet: Fleet, tmp_path: Path) -> None:
    # As bash does when Tab is pressed behind the last word.
    script = """
        source <(jctl completion bash)
        complete -p jctl >/dev/null || exit 1
        COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
        _jctl jctl "${@: -1}" "${@: -2:1}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = {"PATH": f"{fleet.bin}:{os.environ['PATH']}", "HOME": str(tmp_path), "JCTL_ENDPOINT": str(fleet.socket)}

    def complete(*words: str) -> list[str]:
        command = ["bash", "--norc", "-c", script, "bash", "jctl", *words]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    # Names are asked for with a budget of 300 ms; a busy machine may need another Tab.
    assert fleet.until(lambda: complete("drain", "agx-1"), 20, "names of nodes") == [f"agx-1{number}" for number in range(6)]
    assert fleet.until(lambda: complete("assign", "agx-11", "--template", "sdxl"), 20, "names of templates") == ["sdxl-worker"]
    assert complete("get", "no") == ["nodes"]
    assert complete("cancel", "--state", "qu") == ["queued"]


@pytest.mark.parametrize("shell", SHELLS)
def test_other_shells_complete_words_and_names_of_the_fleet(fleet: Fleet, terminal: Terminal, shell: str) -> None:  # noqa: F811
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    start, learn = SHELLS[shell]
    terminal.type(f"exec {start}")
    terminal.press("Enter")
    terminal.type(f"{learn}; echo kno''ws")
    terminal.press("Enter")
    terminal.shows("^knows$")
    tries = 0

    def complete(typed: str) -> str:
        """What Tab makes of a line: it is printed in place of being run."""
        nonlocal tries
        tries += 1
        terminal.press("C-l")
        terminal.type(typed)
        terminal.press("Tab", "C-a")
        terminal.type(f"echo {tries}: ")
        terminal.press("Enter")
        shown = terminal.shows(rf"^{tries}: ")
        return re.findall(rf"^{tries}: (.*)$", shown, re.M)[-1].strip()

    assert complete("jctl unc") == "jctl uncordon"
    assert complete("jctl cancel --state qu") == "jctl cancel --state queued"
    # Names are asked for with a budget of 300 ms; a busy machine may need another Tab.
    named = "jctl assign agx-11 --template sdxl"
    wait_until(lambda: complete(named) == f"{named}-worker", 20, "a name of a template")
