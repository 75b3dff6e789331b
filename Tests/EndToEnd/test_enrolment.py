"""How a new box joins the fleet, and how one is shut out: nobody carries a secret, and nobody copies a file."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from alone import Controller
from fleet import Fleet, wait_until

NODE, NAME = "agx-11", "enrolment"


def build(running: Fleet, folder: Path) -> Controller:
    controller = Controller(running, folder)
    (folder / "fleet.yaml").write_text(f"fleet: {NAME}\nregistry: {running.registry}\nclusters: {{}}\nroamers: {{nodes: [{NODE}]}}\n")
    return controller


def flags(controller: Controller) -> tuple[str, str]:
    return "--fleet-file", str(controller.folder / "fleet.yaml")


def get(controller: Controller, path: str) -> Any:
    status, answer = controller.get(f"/api/v1{path}")
    assert status == 200, f"GET {path}: {status} {answer}"
    return answer


def pin(controller: Controller) -> str:
    """The agent's settings: all that it is told."""
    return f'controller: {{fingerprint: "{get(controller, "/authority")["fingerprint"]}"}}\n'


def waiting(controller: Controller) -> list[dict[str, Any]]:
    return get(controller, "/enrolments")["items"]


def jctl(controller: Controller, *words: str) -> subprocess.CompletedProcess[str]:
    done = controller.jctl("node", *words)
    assert done.returncode == 0, done
    return done


def is_in(controller: Controller, state: str) -> bool:
    return get(controller, f"/nodes/{NODE}")["state"] == state


def certificate(controller: Controller) -> str:
    return (controller.folder / NODE / "tls" / "node.crt").read_text()


def test_a_box_that_knows_the_fingerprint_is_admitted_by_a_word(running: Fleet, tmp_path: Path) -> None:
    controller = build(running, tmp_path)
    with controller.start(*flags(controller)):
        with controller.agent(running, NODE, NAME, pin(controller), certified=False) as agent:
            (asks,) = wait_until(lambda: waiting(controller), 20, "the node to ask")
            assert (asks["node"], asks["inFleet"], asks["role"], asks["connected"], asks["bannedAt"]) == (NODE, True, "roamer", False, None), asks
            assert re.fullmatch(r"SHA256:[0-9a-f]{64}", asks["key"]), asks
            (listed,) = json.loads(jctl(controller, "ls-pending", "-o", "json").stdout)["items"]
            assert (listed["node"], listed["key"]) == (NODE, asks["key"]), listed
            # Its log says by which key it is known, and what to type.
            wait_until(lambda: asks["key"] in agent.log.read_text(), 10, "the node to say that it waits")
            assert f"jctl node approve {NODE} --key {asks['key'][7:23]}" in agent.log.read_text()
        # Started again it is still the one that asked.
        with controller.agent(running, NODE, NAME, pin(controller), certified=False) as agent:
            wait_until(lambda: waiting(controller)[0]["lastAskedAt"] > asks["lastAskedAt"], 20, "the node to ask again")
            assert [item["key"] for item in waiting(controller)] == [asks["key"]]
            jctl(controller, "approve", NODE)
            wait_until(lambda: is_in(controller, "ready"), 10, "the node to be ready")
            assert not waiting(controller)
            tls = controller.folder / NODE / "tls"
            assert sorted(path.name for path in tls.iterdir()) == ["ca.crt", "node.crt", "node.key"]
            assert (tls / "node.key").stat().st_mode & 0o777 == 0o600
            assert agent.is_alive()


def test_a_banned_node_is_out_until_it_is_admitted_again(running: Fleet, tmp_path: Path) -> None:
    controller = build(running, tmp_path)
    with controller.start(*flags(controller)) as program:
        with controller.agent(running, NODE, NAME):
            wait_until(lambda: is_in(controller, "ready"), 20, "the node to be ready")
            old = certificate(controller)
            jctl(controller, "ban", NODE)
            wait_until(lambda: is_in(controller, "suspect"), 5, "the node to be shut out")
            (asks,) = wait_until(lambda: waiting(controller), 20, "the node to ask")
            assert (asks["node"], asks["connected"]) == (NODE, False) and asks["bannedAt"], asks
            (listed,) = json.loads(jctl(controller, "ls-pending", "-o", "json").stdout)["items"]
            assert listed["bannedAt"] == asks["bannedAt"], listed
            # A controller that starts anew knows the ban, and the agent asks it too.
            assert program.end() == 0
            with controller.start(*flags(controller)):
                (again,) = wait_until(lambda: waiting(controller), 30, "the node to ask again")
                assert (again["key"], again["bannedAt"]) == (asks["key"], asks["bannedAt"]), again
                assert get(controller, f"/nodes/{NODE}")["bannedAt"] == asks["bannedAt"]
                assert not is_in(controller, "ready")
                jctl(controller, "approve", NODE)
                wait_until(lambda: is_in(controller, "ready"), 15, "the node to be ready again")
                assert certificate(controller) != old


def test_a_stolen_certificate_is_worth_nothing_after_a_ban(running: Fleet, tmp_path: Path) -> None:
    controller = build(running, tmp_path)
    with controller.start(*flags(controller)):
        controller.certify(NODE)
        jctl(controller, "ban", NODE)
        with controller.agent(running, NODE, NAME, certified=False) as agent:
            (asks,) = wait_until(lambda: waiting(controller), 20, "the node to ask for another one")
            assert asks["bannedAt"] and not is_in(controller, "ready"), asks
            assert "void" in agent.log.read_text()


def test_somebody_in_between_is_told_nothing(running: Fleet, tmp_path: Path) -> None:
    controller = build(running, tmp_path)
    with controller.start(*flags(controller)):
        wrong = f'controller: {{fingerprint: "SHA256:{"0" * 64}"}}\n'
        with controller.agent(running, NODE, NAME, wrong, certified=False) as agent:
            wait_until(lambda: "not controller.fingerprint" in agent.log.read_text(), 20, "the agent to notice")
            assert agent.is_alive() and not waiting(controller)
            assert not (controller.folder / NODE / "tls").exists()
            # What is brought by hand is taken without a restart.
            controller.certify(NODE)
            wait_until(lambda: is_in(controller, "ready"), 20, "the node to be ready")
