# shellcheck shell=bash
# A small Debian in a container, with or without systemd as its first process. Needs Scripts/lib and STATE.

# adduser and redis-server are what the packages depend on: the machines have no network to fetch them from.
MACHINE_PACKAGES=systemd,systemd-sysv,init-system-helpers,adduser,redis-server,procps
# The machine that inside talks to; what every container made here is labelled with.
MACHINE=''
MACHINE_LABEL=jessica.package-check

# make_image SYSTEM: a Debian of that name, once.
make_image() {
    local tarball=$STATE/$1.tar log=$STATE/$1.log
    if docker_cli image inspect "jessica-check/$1" >/dev/null 2>&1; then
        return
    fi
    if [[ ! -f $tarball ]]; then
        step "$1: installing Debian (about two minutes)"
        if ! mmdebstrap --format=tar --variant=minbase --include="$MACHINE_PACKAGES" "$1" "$tarball.part" >"$log" 2>&1; then
            fail "mmdebstrap failed: $(grep -E '^E' "$log" | head -n 1)" "check the network; the whole log is $log"
        fi
        mv -- "$tarball.part" "$tarball"
    fi
    docker_cli import "$tarball" "jessica-check/$1" >"$log" 2>&1 || fail "docker import failed: $(tail -n 1 "$log")"
}

# systemd_options: what a container needs to run systemd, as docker's options, one a line. Not --privileged: that
# asks for every capability, and the kernel refuses it where this machine itself lacks one.
systemd_options() {
    printf '%s\n' --cap-add=SYS_ADMIN --cap-add=NET_ADMIN --cap-add=SYS_PTRACE --security-opt=seccomp=unconfined \
        --security-opt=apparmor=unconfined --tmpfs=/run --tmpfs=/run/lock --tmpfs=/tmp --stop-signal=SIGRTMIN+3 \
        --env=container=docker
    if [[ $(stat -f -c %T /sys/fs/cgroup) == cgroup2fs ]]; then
        printf '%s\n' --cgroupns=private --volume=/sys/fs/cgroup:/sys/fs/cgroup:rw
    else
        printf '%s\n' --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro
    fi
}

# start_machine SYSTEM plain|systemd: a new one, without a network; sets MACHINE. Status 1 if systemd does not come up.
# With systemd it has the engine's socket as its own: what its agent runs are containers beside it.
start_machine() {
    local options=() program=(sleep infinity)
    MACHINE=jessica-check-$1-$2
    docker_cli rm -f "$MACHINE" >/dev/null 2>&1 || true
    if [[ $2 == systemd ]]; then
        mapfile -t options < <(systemd_options)
        options+=(--volume "$JESSICA_DOCKER_SOCKET:/run/docker.sock")
        program=(/sbin/init)
    fi
    step "$1, $2"
    if ! docker_cli run --detach --name "$MACHINE" --label "$MACHINE_LABEL" --network none --hostname spark \
        --add-host spark:127.0.0.1 --volume "$STATE/debs:/debs:ro" "${options[@]}" "jessica-check/$1" "${program[@]}" >"$STATE/machine.log" 2>&1; then
        warn "docker run: $(tail -n 1 "$STATE/machine.log")"
        return 1
    fi
    [[ $2 == plain ]] || wait_for "inside systemctl is-system-running | grep -qE 'running|degraded'" 60 systemd
}

# stop_machines: removes every machine of this engine.
stop_machines() {
    local found=()
    mapfile -t found < <(docker_cli ps -aq --filter "label=$MACHINE_LABEL" 2>/dev/null)
    # What an agent in one of them left, should a case have failed.
    mapfile -t -O "${#found[@]}" found < <(docker_cli ps -aq --filter label=jessica.node=spark 2>/dev/null)
    ((${#found[@]} == 0)) || docker_cli rm -f -v "${found[@]}" >/dev/null 2>&1 || true
}

# inside COMMAND…: in the machine, as root.
inside() {
    docker_cli exec "$MACHINE" "$@"
}
