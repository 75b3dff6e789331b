"""One fleet for all tests; before each it is at rest, whatever the one before has done."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fleet import ROOT, Fleet  # noqa: E402


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The fleet that JESSICA_STATE names, else one of our own."""
    named = os.environ.get("JESSICA_STATE")
    state = Path(named) if named else tmp_path_factory.mktemp("fleet")
    command = [ROOT / "Scripts" / "demo", "--state", str(state)]
    if not named:
        environment = os.environ | {
            "JESSICA_BUILD": "debug",
            "JESSICA_DEMO_CONTROLLER_FLAGS": "--link-heartbeat 2s --link-stop-after 26s --link-lost-after 34s --backups-every 0s",
        }
        subprocess.run([*command, "--up", "--port-base", "28443"], env=environment, stdin=subprocess.DEVNULL, check=True, timeout=1800)
    fleet = Fleet(state)
    try:
        yield fleet
    finally:
        fleet.events.close()
        for daemon in fleet.daemons():
            daemon.resume()
        if not named:
            subprocess.run([*command, "--down"], stdin=subprocess.DEVNULL, check=True, timeout=120)


@pytest.fixture
def fleet(running: Fleet) -> Iterator[Fleet]:
    """The fleet at rest: every pod ready, every roamer IDLE, no job alive."""
    running.settle()
    running.volumes_before = running.volumes()
    yield running
    # Nothing that a test has stopped stays so, even if the test failed half-way.
    for daemon in running.daemons():
        daemon.resume()
        if not daemon.is_alive():
            daemon.start()
