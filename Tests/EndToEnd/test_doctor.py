"""`jctl doctor` names what is wrong anywhere, with what to do, for as long as it is so; also where nobody is there to ask."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from alone import Controller, Redis
from fleet import Fleet, wait_until

NAME, NODE = "doctor-test", "agx-11"
# No image is named, so that nobody but the doctor looks for that registry.
FLEET = f"fleet: {NAME}\nregistry: nowhere.invalid:5000\nclusters: {{}}\nroamers: {{nodes: [{NODE}]}}\n"


def findings(controller: Controller, code: int, *words: str | Path, endpoint: str = "") -> list[dict[str, Any]]:
    """What the doctor finds; each that is not fine must say what to do."""
    done = controller.jctl("doctor", *words, "-o", "json", endpoint=endpoint)
    assert done.returncode == code, done
    items = json.loads(done.stdout)["items"]
    assert all(item.get("action") for item in items if item["status"] != "ok"), items
    return items


def about(items: list[dict[str, Any]], name: str, text: str) -> dict[str, Any] | None:
    return next((item for item in items if item["name"] == name and text in item["message"]), None)


def steps(items: list[dict[str, Any]]) -> list[str]:
    return [f"{item['name']} {item['status']}" for item in items]


def certify_for(days: int, controller: Controller, node: str) -> None:
    """Gives a node a certificate of the controller's authority that ends so soon."""
    controller.certify(node)
    folder, tls, authority = controller.folder, controller.folder / node / "tls", controller.state / "authority"
    (folder / "node.ext").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n")
    request = ["req", "-new", "-key", tls / "node.key", "-subj", f"/CN={node}", "-out", folder / "node.csr"]
    sign = ["x509", "-req", "-in", folder / "node.csr", "-CA", authority / "ca.crt", "-CAkey", authority / "ca.key", "-set_serial", "7", "-days", days]
    for words in (request, [*sign, "-extfile", folder / "node.ext", "-out", tls / "node.crt"]):
        subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=30)


def sync(redis: Redis, how: str) -> None:
    subprocess.run(["redis-cli", "-p", str(redis.port), "config", "set", "appendfsync", how], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=30)


def test_what_is_wrong_is_named_with_what_to_do_until_it_is_mended(running: Fleet, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    models, docker = tmp_path / "models", tmp_path / "docker.sock"
    with Redis(tmp_path) as redis:
        controller = Controller(running, tmp_path, f"fleet_file: {tmp_path / 'fleet.yaml'}\nredis: {{url: '{redis.url}'}}\n")
        with controller.start():
            sync(redis, "everysec")
            certify_for(9, controller, NODE)
            with controller.agent(running, NODE, NAME, f"models: {{mount: {models}}}\n", certified=False, docker=docker):
                wrong = {
                    ("node", "Docker cannot be used"): ("failed", "systemctl status docker"),
                    ("node", f"{models} is no folder here"): ("failed", "mount the Spark's models"),
                    ("names", "nowhere.invalid"): ("failed", "DNS"),
                    ("store", "`appendfsync everysec`"): ("warning", "set `appendfsync always`"),
                    ("certificate", "it ends in 8 days"): ("warning", f"certify {NODE}"),
                }

                def see_all() -> list[dict[str, Any]] | None:
                    items = findings(controller, 1)
                    return items if all(about(items, *what) for what in wrong) else None

                items = wait_until(see_all, 45, "the doctor to see all that is wrong")
                # For people the same: what to do stands below the table.
                table = controller.jctl("doctor")
                assert table.returncode == 1 and "checks have failed" in table.stderr, table
                for what, (status, action) in wrong.items():
                    item = about(items, *what)
                    assert item and item["status"] == status and action in item["action"], item
                    assert item.get("subject") == NODE or item["name"] not in ("node", "certificate"), item
                    assert f": {item['action']}\n" in table.stderr, table

                # What is mended is not told of any more, and the rest is.
                sync(redis, "always")
                assert [item["status"] for item in findings(controller, 1, "--all") if item["name"] == "store"] == ["ok"]
                models.mkdir()
                (models / "sdxl.safetensors").touch()
                wait_until(lambda: not about(findings(controller, 1), "node", str(models)), 45, "the doctor to see the models")
                assert about(findings(controller, 1), "node", "Docker cannot be used")


def test_the_way_to_a_controller_that_cannot_be_asked_is_looked_at(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path)
    url = f"https://127.0.0.1:{controller.api}"
    with controller.start() as program:
        authority = ("--ca-file", controller.state / "authority" / "ca.crt")
        # Nobody has said whose certificates are to be trusted.
        port, certificate = findings(controller, 7, endpoint=url)
        assert steps([port, certificate]) == ["port ok", "certificate failed"], certificate
        assert "127.0.0.1" in certificate["message"] and "--ca-file" in certificate["action"], certificate
        # One that hangs takes connections, and that is all.
        program.process.send_signal(signal.SIGSTOP)
        try:
            hung = findings(controller, 7, *authority, endpoint=url)
        finally:
            program.process.send_signal(signal.SIGCONT)
        assert steps(hung) == ["port ok", "certificate failed"] and "says nothing" in hung[1]["message"], hung
    gone = findings(controller, 7, *authority, endpoint=url)
    assert steps(gone) == ["port failed"] and "nothing listens" in gone[0]["message"], gone
    here = findings(controller, 7)
    assert steps(here) == ["socket failed"] and "systemctl status spark-controller" in here[0]["action"], here
