# shellcheck shell=bash
# What must be true of installed packages. Needs machine.sh.

PASSED=0
FAILED=0

# try WHAT [SECONDS]: a case is the script on standard input; it may take that long to come true (0: at once).
try() {
    local what=$1 patience=${2:-0} began=$SECONDS code output=$STATE/case.log
    code=$(cat)
    until inside bash -euo pipefail -c "$code" >"$output" 2>&1; do
        if ((SECONDS - began >= patience)); then
            FAILED=$((FAILED + 1))
            say "FAILED  ${MACHINE#jessica-check-}: $what"
            sed 's/^/        /' "$output" | tail -n 15
            return 0
        fi
        sleep 0.5
    done
    PASSED=$((PASSED + 1))
    say "ok      ${MACHINE#jessica-check-}: $what"
}

# nothing_left: a case's code that lists what a purge should have taken.
nothing_left() {
    cat <<'CODE'
(! find / -xdev \( -path /proc -o -path /sys -o -path /debs -o -path /tmp -o -path /var/log \) -prune -o \
    \( -name '*jessica*' -o -name '*fleet-agent*' -o -name '*spark-controller*' -o -name '*jctl*' \) -print | grep .)
(! find /run -name '*jessica*' | grep .)
(! dpkg-query -W 'jessica-*' 2>/dev/null | grep .)
CODE
}

cases_without_systemd() {
    try "installs without systemd running" <<<'dpkg -i /debs/1/*.deb'
    try "every file is as the package has it" <<<'! dpkg --verify jessica-agent jessica-controller jessica-jctl | grep .'
    try "the programs run" <<'CODE'
fleet-agent version
spark-controller --version
jctl --version
CODE
    try "the settings that come with it are right, and so is each of them" <<'CODE'
fleet-agent run --check-config
spark-controller run --check-config
for name in agent controller; do
    sed -E 's/^#([a-z]|  )/\1/' "/etc/jessica/$name.yaml" >"/tmp/$name.yaml"
done
fleet-agent run --check-config --config /tmp/agent.yaml
spark-controller run --check-config --config /tmp/controller.yaml
CODE
    try "the agent runs as its user and ends when asked" <<'CODE'
install -d -o jessica-agent /var/lib/jessica/agent
spark-controller certify spark --state-dir /tmp/controller --out /var/lib/jessica/agent/tls
chown -R jessica-agent /var/lib/jessica/agent/tls
status=0
timeout --preserve-status 5 setpriv --reuid jessica-agent --regid jessica-agent --init-groups fleet-agent run || status=$?
((status == 0))
CODE
    try "its user may use Docker" <<<'id -nG jessica-agent | grep -qw docker'
    try "installing again changes nothing" <<<'dpkg -i /debs/1/*.deb && fleet-agent version'
    try "purges" <<<"dpkg -P jessica-agent jessica-controller jessica-jctl"
    try "a purge leaves nothing" < <(nothing_left)
}

cases_with_systemd() {
    # As on a Jetson; an agent looks for it when it starts.
    inside install -m 755 /debs/tegrastats /usr/bin/
    try "installs" <<<'dpkg -i /debs/1/*.deb'
    try "both services are enabled" <<<'systemctl is-enabled fleet-agent spark-controller'
    try "the controller becomes ready" 60 <<<'systemctl is-active spark-controller'
    try "an agent without a certificate says so" 30 <<<"journalctl -u fleet-agent --no-pager | grep 'get it with .spark-controller certify'"
    try "the programs run" <<<'fleet-agent version; jctl --version; spark-controller --version'
    cases_of_services
    cases_of_mistakes
    cases_of_the_watchdog
    cases_of_upgrades
}

cases_of_services() {
    try "root gives the controller a fleet" <<'CODE'
printf 'fleet: jessica\nroamers: {nodes: [spark]}\n' >/tmp/cluster.yaml
jctl apply -f /tmp/cluster.yaml
jctl get nodes | grep spark
CODE
    try "given its certificate the agent is ready, and connects" 60 <<'CODE'
if [[ ! -d /var/lib/jessica/agent/tls ]]; then
    setpriv --reuid jessica --regid jessica --clear-groups spark-controller certify spark --out /var/lib/jessica/controller/spark
    mv /var/lib/jessica/controller/spark /var/lib/jessica/agent/tls
    chown -R jessica-agent:jessica-agent /var/lib/jessica/agent/tls
fi
systemctl is-active fleet-agent
systemctl show -p StatusText fleet-agent | grep ': connected to spark:7443'
CODE
    try "its sensors are read as tegrastats tells them" 30 <<'CODE'
gpu=$(sed -n 's/.* GR3D_FREQ \([0-9]*\)%.*/\1/p' /usr/bin/tegrastats)
[[ -n $gpu ]]
jctl get nodes -o json | tr -d ' \n' | grep -qE "\"gpu\":$gpu(\.0)?[,}]"
CODE
    try "the controller says what it does" <<<'systemctl show -p StatusText spark-controller | grep -q "leads (term"'
    try "the controller's Redis is its child, in its sandbox" <<'CODE'
grep -q spark-controller.service "/proc/$(pgrep -u jessica redis-server)/cgroup"
CODE
    try "and runs with the machine's libraries, not with the bundle's" <<'CODE'
pid=$(pgrep -u jessica redis-server)
grep -q '/libc[.-]' "/proc/$pid/maps"
(! grep /usr/lib/jessica "/proc/$pid/maps")
(! tr '\0' '\n' <"/proc/$pid/environ" | grep LD_LIBRARY_PATH)
CODE
    try "nobody is root" <<'CODE'
for unit in fleet-agent spark-controller; do
    pid=$(systemctl show -p MainPID --value "$unit")
    [[ $(stat -c %u "/proc/$pid") != 0 ]]
    grep -q '^CapEff:.0*$' "/proc/$pid/status"
    grep -q '^NoNewPrivs:.1$' "/proc/$pid/status"
    grep -q '^Seccomp:.2$' "/proc/$pid/status"
done
CODE
    try "others cannot read what is secret" <<'CODE'
[[ $(stat -c %a:%G /etc/jessica/controller.yaml) == 640:jessica ]]
[[ $(stat -c %a:%U /var/lib/jessica/controller) == 700:jessica ]]
[[ $(stat -c %a:%U /var/lib/jessica/agent) == 700:jessica-agent ]]
CODE
    # How much the kernel shall keep from them; systemd-analyze has the option since 250.
    try "the sandboxes are tight" <<'CODE'
systemd-analyze security --help | grep -q -- --threshold || exit 0
systemd-analyze security --offline=true --threshold=20 /lib/systemd/system/fleet-agent.service >/dev/null
systemd-analyze security --offline=true --threshold=15 /lib/systemd/system/spark-controller.service >/dev/null
CODE
}

cases_of_mistakes() {
    try "a wrong setting is one clear line, and no second start" 20 <<'CODE'
if [[ ! -e /tmp/agent.yaml ]]; then
    cp -a /etc/jessica/agent.yaml /tmp/agent.yaml
    sed -i 's/^  host:/  hots:/' /etc/jessica/agent.yaml
    (! systemctl restart fleet-agent)
fi
journalctl --sync || true
journalctl -u fleet-agent --no-pager | grep -E 'fleet-agent\[[0-9]+\]: /etc/jessica/agent.yaml:[0-9]+: controller.hots'
systemctl is-failed fleet-agent
[[ $(systemctl show -p ExecMainStatus --value fleet-agent) == 2 ]]
[[ $(systemctl show -p NRestarts --value fleet-agent) == 0 ]]
CODE
    try "mended, it starts" 20 <<'CODE'
if [[ -e /tmp/agent.yaml ]]; then mv /tmp/agent.yaml /etc/jessica/agent.yaml; systemctl restart fleet-agent; fi
systemctl is-active fleet-agent
CODE
}

cases_of_the_watchdog() {
    local unit
    for unit in fleet-agent spark-controller; do
        try "$unit is fed while it idles" < <(watchdog_case "$unit" idle)
        try "a hung $unit is ended and started again" 45 < <(watchdog_case "$unit" hang)
    done
}

# watchdog_case UNIT idle|hang: with a shorter watchdog, so that nobody has to wait for a minute.
watchdog_case() {
    printf 'unit=%s\n' "$1"
    if [[ $2 == idle ]]; then
        cat <<'CODE'
mkdir -p "/run/systemd/system/$unit.service.d"
printf '[Service]\nWatchdogSec=4s\nTimeoutAbortSec=2s\n' >"/run/systemd/system/$unit.service.d/quick.conf"
systemctl daemon-reload
systemctl restart "$unit"
pid=$(systemctl show -p MainPID --value "$unit")
sleep 14
[[ $(systemctl show -p MainPID --value "$unit") == "$pid" ]]
CODE
    else
        cat <<'CODE'
if [[ ! -e /tmp/$unit.hung ]]; then
    systemctl show -p MainPID --value "$unit" >"/tmp/$unit.hung"
    kill -STOP "$(cat "/tmp/$unit.hung")"
fi
journalctl -u "$unit" --no-pager | grep -i 'watchdog timeout'
systemctl is-active "$unit"
[[ $(systemctl show -p MainPID --value "$unit") != "$(cat "/tmp/$unit.hung")" ]]
rm -rf "/run/systemd/system/$unit.service.d"
systemctl daemon-reload
CODE
    fi
}

# running_containers: what the machine's agent runs, each with the time at which it was started.
running_containers() {
    local found=()
    mapfile -t found < <(docker_cli ps -q --filter label=jessica.node=spark --filter label=jessica.kind=attempt)
    ((${#found[@]} == 0)) || docker_cli inspect --format '{{.Id}} {{.State.StartedAt}}' "${found[@]}"
}

# cost_case yes|no: what the agent costs a box, of the very bundle that is installed there; judged or only told.
cost_case() {
    printf 'judged=%s\n' "$1"
    cat <<'CODE'
pid=$(systemctl show -p MainPID --value fleet-agent)
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
kilobytes=$(awk '/^VmHWM/ {print $2}' "/proc/$pid/status")
began=$(ticks)
sleep 20
used=$(($(ticks) - began))
echo "$kilobytes KiB at the most, $used of $((20 * $(getconf CLK_TCK))) ticks"
[[ $judged == yes ]] || exit 0
((kilobytes * 1024 <= 40000000))
((used * 100 <= 20 * $(getconf CLK_TCK)))
CODE
}

cases_of_upgrades() {
    local before after
    try "a job runs in Docker" 90 <<'CODE'
if [[ ! -e /tmp/job ]]; then
    chgrp docker /run/docker.sock
    jctl run --image "jessica-check/$(. /etc/os-release && echo "$VERSION_CODENAME")" --detach -- \
        sh -c 'for number in $(seq 1800); do echo "at work $number"; sleep 0.5; done' >/tmp/job
fi
jctl get jobs --state running -o name | grep .
CODE
    # The machine has no network, so there is no pod to be asked how it is: only a job, its log and the sensors.
    if [[ -n $PACKAGES ]]; then
        try "with it the agent takes at most 40 MB, and a hundredth of a core" < <(cost_case yes)
    else
        # Programs that are built for debugging are several times as large and as slow.
        try "what the agent takes with it can be measured" < <(cost_case no)
    fi
    step "the agent: $(tail -n 1 "$STATE/case.log")"
    before=$(running_containers)
    try "upgrades, restarts both, keeps what was set" 60 <<'CODE'
if [[ ! -e /tmp/before ]]; then
    printf '\nlog:\n  level: debug\n' >>/etc/jessica/agent.yaml
    sha256sum /etc/jessica/*.yaml >/tmp/sums
    systemctl show -p MainPID --value fleet-agent >/tmp/before
    DEBIAN_FRONTEND=noninteractive dpkg -i /debs/2/*.deb
fi
dpkg-query -W -f '${Version}\n' 'jessica-*' | grep -c higher | grep -qx 3
sha256sum --check /tmp/sums
[[ $(stat -c %a:%G /etc/jessica/controller.yaml) == 640:jessica ]]
systemctl is-active fleet-agent spark-controller
[[ $(systemctl show -p MainPID --value fleet-agent) != "$(cat /tmp/before)" ]]
systemctl show -p StatusText fleet-agent | grep ': connected to'
CODE
    after=$(running_containers)
    # Of the machine's own cases, one that is looked at from outside.
    try "the job's container ran on meanwhile" <<<"[[ -n '$before' && '$before' == '$after' ]]"
    try "and the job with it, until it is cancelled" 60 <<'CODE'
if [[ ! -e /tmp/cancelled ]]; then
    jctl get jobs --state running -o name | grep .
    jctl cancel "$(cat /tmp/job)"
    touch /tmp/cancelled
fi
jctl get jobs --state cancelled -o name | grep .
jctl get roamers | grep IDLE
CODE
    try "an administrator's disable outlives an upgrade" <<'CODE'
systemctl disable --now fleet-agent
dpkg -i /debs/2/jessica-agent_*.deb
(! systemctl is-enabled fleet-agent)
(! systemctl is-active fleet-agent)
CODE
    try "removing ends the services and keeps what they know" <<'CODE'
dpkg -r jessica-agent jessica-controller jessica-jctl
(! pgrep -u jessica,jessica-agent)
[[ -d /var/lib/jessica/controller/authority && -f /etc/jessica/agent.yaml ]]
CODE
    try "purges" <<<'dpkg -P jessica-agent jessica-controller jessica-jctl'
    try "a purge leaves nothing" < <(nothing_left)
    try "systemd is content" <<<'! systemctl --failed --no-legend | grep .'
}
