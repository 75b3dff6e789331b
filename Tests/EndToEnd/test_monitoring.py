"""What docs/monitoring gives an operator works: real metrics, a real Prometheus, rules and a dashboard that name what there is."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from alone import Controller, Program, free_port
from fleet import ROOT, Fleet, wait_until

MONITORING = ROOT / "docs" / "monitoring"
RULES = ("recording.yml", "alerts.yml")


def promtool(*words: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *(str(word) for word in words)], input=text, cwd=MONITORING, capture_output=True, text=True, timeout=60)


def scraped(fleet: Fleet) -> str:
    status, text = fleet.call("GET", "/metrics")
    assert status == 200
    return text.decode()


def test_the_metrics_are_as_prometheus_wants_them(fleet: Fleet) -> None:
    fleet.succeed(fleet.submit("text", {"prompt": "measured"}), 30)
    done = promtool("check", "metrics", text=scraped(fleet))
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
    assert fleet.metric("jessica_jobs_total") >= 1 and fleet.metric("jessica_job_run_seconds_count") >= 1
    # Both directions, and a roamer's way once it has gone it.
    fleet.succeed(fleet.run("true"), 60)
    fleet.until(lambda: 'jessica_roamer_transition_seconds_count{from="PROVISIONING",to="RUNNING"}' in scraped(fleet), 10, "the transition to be counted")
    text = scraped(fleet)
    assert 'jessica_link_frames_total{direction="out",type="assignments"}' in text and 'direction="in",type="heartbeat"' in text


def test_an_agent_tells_of_itself(running: Fleet, tmp_path: Path) -> None:
    controller = Controller(running, tmp_path)
    file = tmp_path / "fleet.yaml"
    file.write_text(f"fleet: agent-metrics\nregistry: {running.registry}\nclusters: {{}}\nroamers: {{nodes: [agx-11]}}\n")
    place = f"127.0.0.1:{free_port()}"

    def text() -> str:
        try:
            with urllib.request.urlopen(f"http://{place}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    with controller.start("--fleet-file", str(file)) as program, controller.agent(running, "agx-11", "agent-metrics", f'metrics: {{listen: "{place}"}}\n') as agent:
        wait_until(lambda: "\njessica_agent_link_up 1\n" in text() and "jessica_agent_memory_bytes{" in text(), 30, "the agent to tell that it is connected")
        done = promtool("check", "metrics", text=text())
        assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
        assert all(name.startswith("jessica_agent_") for name in re.findall(r"^# TYPE (\S+) ", text(), re.MULTILINE))
        # A real Prometheus with the job that the documentation has.
        settings = tmp_path / "prometheus.yml"
        settings.write_text((MONITORING / "prometheus.yml").read_text().replace("agx-01:9464", place).replace("15s", "1s"))
        for name in RULES:
            shutil.copy(MONITORING / name, tmp_path)
        (tmp_path / "jessica.token").write_text("none")
        shutil.copy(controller.state / "authority" / "ca.crt", tmp_path / "jessica-ca.crt")
        port = free_port()
        with Program(tmp_path / "prometheus.log", "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}"):

            def value(expression: str) -> str:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={expression}", timeout=5) as answer:
                        found = json.load(answer)["data"]["result"]
                except OSError:
                    return ""
                return found[0]["value"][1] if found else ""

            wait_until(lambda: value("jessica_agent_link_up") == "1", 30, "Prometheus to see the agent")
            program.end()
            wait_until(lambda: value("jessica_agent_link_up") == "0", 30, "Prometheus to see that it lost its controller")
        assert agent.is_alive()


def test_the_rules_do_what_they_say() -> None:
    for words in (("check", "rules", *RULES), ("test", "rules", "alerts-test.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_dashboard_name_only_what_there_is(fleet: Fleet) -> None:
    known = set(re.findall(r"^# TYPE (\S+) ", scraped(fleet), re.MULTILINE))
    texts = [(MONITORING / name).read_text() for name in RULES]
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    texts += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    # Not those that a rule makes, whose names have a colon.
    named = set(re.findall(r"(?<![:\w])jessica_\w+(?!:)\b", "\n".join(texts)))
    unknown = {name for name in named if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known}
    assert len(named) > 10 and not unknown, unknown


def test_a_real_prometheus_scrapes_and_judges_the_fleet(fleet: Fleet, tmp_path: Path) -> None:
    for file in MONITORING.iterdir():
        shutil.copy(file, tmp_path)
    # A viewer's token is enough.
    status, made = fleet.call("POST", "/api/v1/tokens", {"name": "scraper", "role": "viewer"})
    assert status == 201, made
    (tmp_path / "jessica.token").write_text(made["token"])
    shutil.copy(fleet.state / "controller" / "authority" / "ca.crt", tmp_path / "jessica-ca.crt")
    settings = tmp_path / "prometheus.yml"
    settings.write_text(settings.read_text().replace("spark:8443", f"127.0.0.1:{fleet.settings['api']}").replace("15s", "1s"))
    port = free_port()
    command = ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    # An image that is nowhere: something for the recording rules to see.
    failed = fleet.run("true", image="jessica/nowhere:latest")

    def ask(path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def value(expression: str) -> float:
        try:
            found = ask(f"query?query={expression}")["result"]
        except OSError:
            return -1
        return float(found[0]["value"][1]) if found else -1

    with Program(tmp_path / "prometheus.log", *command):
        wait_until(lambda: value("sum(jessica_node_up)") == 15, 30, "Prometheus to see fifteen nodes")
        assert value('up{job="jessica"}') == 1
        assert value("fleet:jessica_nodes_up:sum") in (15, -1)
        wait_until(lambda: value("fleet:jessica_nodes_up:sum") == 15, 20, "a recording rule to be evaluated")
        groups = {rule["name"]: rule for group in ask("rules")["groups"] for rule in group["rules"]}
        assert len(groups) == 20 and not [rule for rule in groups.values() if rule.get("lastError")], groups
        fleet.agents["agx-12"].pause()
        try:
            wait_until(lambda: value('jessica_node_up{node="agx-12"}') == 0, 30, "Prometheus to see a silent node")
            wait_until(lambda: any(alert["labels"].get("node") == "agx-12" for alert in ask("alerts")["alerts"]), 20, "an alert to be pending")
        finally:
            fleet.agents["agx-12"].resume()
    fleet.wait(failed, 60)
    fleet.jctl("token", "rm", "scraper")
