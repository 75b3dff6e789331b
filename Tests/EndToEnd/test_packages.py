"""Each build of the packages has a version of its own, a later one the higher, and its services are confined."""

import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from fleet import ROOT


def told(function: str, root: Path, *words: str | Path) -> str:
    """What a function of the packages' scripts prints."""
    script = f"set -euo pipefail; ROOT=$1; shift; source '{ROOT}/Scripts/package.d/version.sh'; {function} \"$@\""
    command = ["bash", "-c", script, "bash", str(root), *(str(word) for word in words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def git(root: Path, *words: str, at: str = "2026-11-29T10:00:00+01:00") -> str:
    identity = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **identity, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    return subprocess.run(["git", "-C", str(root), *words], env=environment, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def is_higher(version: str, other: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other]).returncode == 0


def test_the_version_rises_with_the_commits(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "sources"
    root.mkdir()
    git(root, "init", "--quiet")
    versions = ["0.1.0"]
    for minute in (5, 7, 30):
        git(root, "commit", "--quiet", "--allow-empty", "--message", str(minute), at=f"2026-11-29T00:{minute:02}:30+01:00")
        build = told("build_of_sources", root)
        commit = git(root, "rev-parse", "HEAD")
        assert build == f"+2026112823{minute:02}.{commit[:8]}", build
        assert told("date_of_sources", root).strip() == git(root, "log", "-1", "--format=%ct")
        versions.append(f"0.1.0{build}")
        (root / "file").write_text(str(minute))
        assert told("build_of_sources", root) == f"{build}.dirty"
        versions.append(f"0.1.0{build}.dirty")
        (root / "file").unlink()
    versions.append("0.1.1")
    assert all(is_higher(later, earlier) for earlier, later in pairwise(versions)), versions
    assert all(subprocess.run(["dpkg", "--validate-version", version]).returncode == 0 for version in versions)


def test_without_git_the_version_says_nothing_of_a_build(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    assert told("build_of_sources", root) == ""
    # Nor does it speak of another tree that the sources lie in.
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "other")
    (root / "sources").mkdir()
    assert told("build_of_sources", root / "sources") == ""


def test_of_several_builds_the_latest_is_checked(tmp_path: Path) -> None:
    for name, version in (("agent", "0.1.0"), ("agent", "0.1.0+202611291000.bbbbbbbb"), ("agent", "0.1.0+202611291001.aaaaaaaa"), ("jctl", "0.1.0")):
        tree = tmp_path / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(f"Package: jessica-{name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n")
        subprocess.run(["dpkg-deb", "--build", tree, tmp_path / f"jessica-{name}_{version}_all.deb"], check=True, capture_output=True, timeout=30)
    found = {Path(line).name for line in told("newest_packages", ROOT, tmp_path).splitlines()}
    assert found == {"jessica-agent_0.1.0+202611291001.aaaaaaaa_all.deb", "jessica-jctl_0.1.0_all.deb"}
    assert told("newest_packages", ROOT, tmp_path / "none") == ""


# What systemd-analyze finds open in both services, and must be: they have files, sockets and a network.
OPEN = {
    "DeviceAllow",
    "IPAddressDeny",
    "PrivateMounts",
    "PrivateNetwork",
    "ProcSubset",
    "RestrictAddressFamilies_AF_INET_INET6",
    "RestrictAddressFamilies_AF_UNIX",
    "RootDirectoryOrRootImage",
    # setpriority is among @resources.
    "SystemCallFilter_resources",
}
# The most that a service may be exposed, in tenths, and what is open in it alone: the agent asks the GPU's driver,
# and the group of Docker's socket must be the machine's.
UNITS = {
    "agent/fleet-agent.service": (20, {"PrivateDevices", "PrivateUsers"}),
    "controller/spark-controller.service": (15, set()),
}


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    return subprocess.run(["systemd-analyze", *words], env=environment, capture_output=True, text=True, timeout=60)


def version_of_systemd() -> int:
    try:
        return int((re.match(r"systemd (\d+)", analyze("--version").stdout) or [0, 0])[1])
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("name", UNITS)
def test_the_services_are_confined(name: str) -> None:
    if (version := version_of_systemd()) < 250:
        pytest.skip(f"systemd-analyze reads units that are not installed since version 250; here it is {version or 'missing'}")
    unit, (most, also_open) = ROOT / "Scripts/package.d" / name, UNITS[name]
    judged = analyze("security", "--offline=true", "--no-pager", f"--threshold={most}", unit)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr
    # A line of little weight that is lost stays below the threshold.
    listed = json.loads(analyze("security", "--offline=true", "--no-pager", "--json=short", unit).stdout)
    assert len(listed) > 60
    assert not {check["json_field"] for check in listed if check["exposure"]} - OPEN - also_open


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_every_line_of_the_services(name: str) -> None:
    if (version := version_of_systemd()) < 250:
        pytest.skip(f"systemd-analyze looks at one unit alone since version 250; here it is {version or 'missing'}")
    told = analyze("verify", "--man=no", "--recursive-errors=no", ROOT / "Scripts/package.d" / name)
    # The programs are not installed here.
    wrong = [line for line in (told.stdout + told.stderr).splitlines() if not re.search(r": Command /usr/bin/\S+ is not executable: ", line)]
    assert not wrong, wrong
