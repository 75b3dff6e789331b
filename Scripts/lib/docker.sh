# shellcheck shell=bash
# A Docker Engine: the one that is there, or a private one in the state folder, ended without a trace.
# Needs messages.sh and process.sh.
#
# The private engine shares nothing with another engine on this machine: own sockets, own containerd (one
# that runs already would mix both engines' containers), own bridge, no /etc/docker/daemon.json, no iptables.
#
#   JESSICA_DOCKER=private   never use the engine that is there
#   JESSICA_DOCKER_ROOT=DIR  where the private engine keeps its images, if not in the state folder

# engine_answers SOCKET
engine_answers() {
    [[ -S $1 ]] && curl -fsS --max-time 3 -o /dev/null --unix-socket "$1" http://docker/_ping 2>/dev/null
}

# docker_cli ARG…: the docker command against the engine of ensure_docker, whatever the environment says.
docker_cli() {
    env -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH DOCKER_BUILDKIT=0 \
        DOCKER_HOST="unix://$JESSICA_DOCKER_SOCKET" docker "$@"
}

# docker_state STATE_DIR: the folder of the private engine's files, without links.
docker_state() {
    printf '%s/docker\n' "$(cd -- "$1" && pwd -P)"
}

# docker_tag STATE_DIR: eight letters that stand for this state folder in names of limited length.
docker_tag() {
    docker_state "$1" | sha256sum | cut -c1-8
}

# docker_run_dir STATE_DIR: where the sockets are. A unix socket's path has at most 107 bytes, and the engine
# adds up to 90 of its own, so a deep state folder needs a short stand-in.
docker_run_dir() {
    local directory
    directory=$(docker_state "$1")/run
    if ((${#directory} > 50)); then
        directory=/run/jessica-docker-$(docker_tag "$1")
    fi
    printf '%s\n' "$directory"
}

# docker_data_root STATE_DIR
docker_data_root() {
    printf '%s\n' "${JESSICA_DOCKER_ROOT:-$(docker_state "$1")/root}"
}

# use_present_docker: takes the engine of DOCKER_HOST or of the default socket, if one answers there.
use_present_docker() {
    local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
    if [[ ${JESSICA_DOCKER:-} == private ]]; then
        return 1
    fi
    if [[ $socket != unix://* ]]; then
        warn "DOCKER_HOST is $socket, but the agents need a unix socket; starting a private engine instead"
        return 1
    fi
    socket=${socket#unix://}
    engine_answers "$socket" || return 1
    JESSICA_DOCKER_SOCKET=$socket
}

# ensure_docker STATE_DIR: an engine that answers; sets JESSICA_DOCKER_SOCKET (a path).
ensure_docker() {
    local run
    mkdir -p -- "$1"
    export JESSICA_DOCKER_SOCKET
    run=$(docker_run_dir "$1")
    if engine_answers "$run/docker.sock"; then
        JESSICA_DOCKER_SOCKET=$run/docker.sock
        return 0
    fi
    if use_present_docker; then
        step "using the Docker Engine at $JESSICA_DOCKER_SOCKET"
        return 0
    fi
    check_docker_place "$1"
    # What an earlier engine left, if it was killed: its shims and mounts would be in the way.
    stop_docker "$1"
    step "starting a private Docker Engine"
    start_containerd "$1" "$run"
    start_bridge "$1"
    start_dockerd "$1" "$run"
    JESSICA_DOCKER_SOCKET=$run/docker.sock
}

# check_docker_place STATE_DIR: everything that can be known to go wrong before it does.
check_docker_place() {
    local root kind free command
    root=$(docker_data_root "$1")
    ((EUID == 0)) || fail "no Docker Engine answers, and a private one needs root" \
        "run this as root, or start Docker and join its group"
    for command in dockerd containerd ip; do
        command -v "$command" >/dev/null 2>&1 || fail "$command is not installed" "install docker.io and iproute2"
    done
    kind=$(filesystem_of "$root")
    case $kind in
        overlayfs | nfs | nfs4 | v9fs | cifs | smb2)
            fail "the images cannot live on $kind ($root)" "set JESSICA_DOCKER_ROOT to a folder on a local disk"
            ;;
    esac
    free=$(disk_free_mb "$root")
    ((free >= 2000)) || fail "only $free MB are free at $root, and the images need 2000" \
        "free some space or set JESSICA_DOCKER_ROOT to a folder with more"
}

# start_containerd STATE_DIR RUN_DIR
start_containerd() {
    local state run=$2 root pid
    state=$(docker_state "$1")
    root=$(docker_data_root "$1")
    mkdir -p -- "$state" "$run" "$root"
    cat >"$state/containerd.toml" <<CONFIG
version = 2
root = "$root/containerd"
state = "$run/containerd"
# cri is for Kubernetes; opt would make /opt/containerd.
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$run/containerd.sock"
CONFIG
    setsid containerd --config "$state/containerd.toml" --log-level warn >"$state/containerd.log" 2>&1 </dev/null &
    pid=$!
    printf '%s\n' "$pid" >"$state/containerd.pid"
    if ! wait_for "[[ -S $(printf %q "$run/containerd.sock") ]] || ! pid_alive $pid" 30 "containerd" || ! pid_alive "$pid"; then
        docker_refused "$1" "containerd did not start" "$state/containerd.log"
    fi
}

# start_bridge STATE_DIR: the engine's own bridge on a free network. docker0 would be shared with any other
# engine on this machine, and both would hand out the same addresses.
start_bridge() {
    local bridge number tries=0
    bridge=jsc$(docker_tag "$1")
    if ip link show "$bridge" >/dev/null 2>&1; then
        return 0
    fi
    number=$((16#$(docker_tag "$1" | cut -c1-2)))
    while ip -4 route show | grep -qE "^10\.219\.$number\."; do
        number=$(((number + 1) % 256))
        ((++tries < 256)) || fail "no free network for the engine's bridge in 10.219.0.0/16"
    done
    if ! ip link add name "$bridge" type bridge || ! ip addr add "10.219.$number.1/24" dev "$bridge" ||
        ! ip link set "$bridge" up; then
        ip link del "$bridge" 2>/dev/null || true
        fail "the kernel refused a network bridge" "this machine may be a container without that right"
    fi
}

# start_dockerd STATE_DIR RUN_DIR
start_dockerd() {
    local log
    log=$(docker_state "$1")/dockerd.log
    launch_dockerd "$1" "$2" && return
    # Killed in the midst of a change of its networks, Docker 20.10 panics at every start from then on.
    if grep -q '^github.com/docker/libnetwork' "$log"; then
        warn "the engine's list of networks is damaged; it begins a new one"
        forget_networks "$1"
        launch_dockerd "$1" "$2" && return
    fi
    docker_refused "$1" "the Docker Engine did not start" "$log"
}

# launch_dockerd STATE_DIR RUN_DIR: fails when it does not come to answer.
launch_dockerd() {
    local state run=$2 pid socket
    state=$(docker_state "$1")
    printf '{}\n' >"$state/daemon.json"
    # The engine turns forwarding on; stop_docker puts back what was there.
    cat /proc/sys/net/ipv4/ip_forward >"$state/ip_forward" 2>/dev/null || true
    setsid dockerd --config-file "$state/daemon.json" --host "unix://$run/docker.sock" --group "$(id -gn)" \
        --containerd "$run/containerd.sock" --data-root "$(docker_data_root "$1")" --exec-root "$run/exec" \
        --pidfile "$state/dockerd.pid" --bridge "jsc$(docker_tag "$1")" --iptables=false \
        --shutdown-timeout 10 --log-level warn >"$state/dockerd.log" 2>&1 </dev/null &
    pid=$!
    socket=$(printf %q "$run/docker.sock")
    wait_for "engine_answers $socket || ! pid_alive $pid" 60 "the Docker Engine" && engine_answers "$run/docker.sock"
}

# docker_refused STATE_DIR WHAT LOG: clears away the half that runs, then fails with the log's last words.
docker_refused() {
    local words
    words=$(last_error_lines "$3")
    if (($(disk_free_mb "$1") < 20 || $(disk_free_mb "$(docker_data_root "$1")") < 20)); then
        # With no space left there may be no log either.
        words='no space left'
    fi
    stop_docker "$1"
    case $words in
        *'no space left'*) fail "$2: the disk is full" "free some space at $(docker_data_root "$1")" ;;
        *'ermission denied'* | *'not permitted'*)
            fail "$2: the kernel refused it: $words" "this machine may be a container without the needed rights"
            ;;
        *) fail "$2: $words" "see $3" ;;
    esac
}

# stop_docker STATE_DIR [--purge]: ends the private engine of this state folder and nothing else; images stay
# for a quick next start, unless --purge. No engine of ours: nothing happens.
stop_docker() {
    local state run pid
    [[ -d $1/docker ]] || return 0
    state=$(docker_state "$1")
    run=$(docker_run_dir "$1")
    if engine_answers "$run/docker.sock"; then
        step "stopping the private Docker Engine"
        empty_engine "$run/docker.sock"
    fi
    pid=$(pid_from "$state/dockerd.pid")
    if [[ -n $pid ]] && pid_runs "$pid" dockerd "$run/docker.sock"; then
        end_pid "$pid" 25 || fail "the Docker Engine (process $pid) does not end" "look at it with: ps -fp $pid"
    fi
    end_shims "$run/containerd.sock"
    pid=$(pid_from "$state/containerd.pid")
    if [[ -n $pid ]] && pid_runs "$pid" containerd "$state/containerd.toml"; then
        end_pid "$pid" 10 || fail "containerd (process $pid) does not end" "look at it with: ps -fp $pid"
    fi
    unmount_below "$run"
    unmount_below "$(docker_data_root "$1")"
    remove_bridges "$1"
    restore_forwarding "$state/ip_forward"
    # Shims put their sockets here, wherever their containerd lives.
    if ! pgrep -x -r R,S,D,T containerd >/dev/null; then
        rmdir /run/containerd/s /run/containerd 2>/dev/null || true
    fi
    rm -rf -- "$run"
    rm -f -- "$state/dockerd.pid" "$state/containerd.pid"
    if [[ ${2:-} == --purge ]]; then
        rm -rf -- "$(docker_data_root "$1")" "$state"
    fi
}

# empty_engine SOCKET: removes what would come back at the next start: containers, networks, swarm membership.
empty_engine() {
    local JESSICA_DOCKER_SOCKET=$1 found=()
    mapfile -t found < <(docker_cli ps -aq 2>/dev/null)
    if ((${#found[@]} > 0)); then
        timeout 60 env DOCKER_HOST="unix://$1" docker rm -f -v "${found[@]}" >/dev/null 2>&1 || true
    fi
    timeout 20 env DOCKER_HOST="unix://$1" docker swarm leave --force >/dev/null 2>&1 || true
    mapfile -t found < <(docker_cli network ls -q --filter type=custom 2>/dev/null)
    if ((${#found[@]} > 0)); then
        timeout 30 env DOCKER_HOST="unix://$1" docker network rm "${found[@]}" >/dev/null 2>&1 || true
    fi
}

# end_shims CONTAINERD_SOCKET: what an engine that was killed leaves running: its shims and, first, their containers.
end_shims() {
    local shim child
    for shim in $(pids_running containerd-shim "$1"); do
        for child in $(pgrep -P "$shim"); do
            kill -KILL "$child" 2>/dev/null || true
        done
        end_pid "$shim" 3 || true
    done
}

# unmount_below DIR: every mount at or under DIR, the innermost first.
unmount_below() {
    local point
    awk -v directory="$1" '$5 == directory || index($5, directory "/") == 1 { print $5 }' /proc/self/mountinfo |
        sort -r | while IFS= read -r point; do
        # mountinfo writes a space as \040.
        point=$(printf '%b' "$point")
        umount -- "$point" 2>/dev/null || umount -l -- "$point" 2>/dev/null || true
    done
}

# network_list STATE_DIR: the engine's records of its networks.
network_list() {
    printf '%s\n' "$(docker_data_root "$1")/network/files/local-kv.db"
}

# forget_networks STATE_DIR: an engine that does not run begins with none; their bridges would keep the addresses.
forget_networks() {
    remove_network_bridges "$1"
    rm -f -- "$(network_list "$1")"
}

# remove_bridges STATE_DIR: the engine's own bridge, and those of networks it could not remove because it was killed.
remove_bridges() {
    ip link del "jsc$(docker_tag "$1")" 2>/dev/null || true
    remove_network_bridges "$1"
}

# remove_network_bridges STATE_DIR
remove_network_bridges() {
    local known bridge
    known=$(network_list "$1")
    # A bridge is called br- and the first twelve digits of its network's id; only this engine's records hold it.
    for bridge in $(ip -o link show type bridge | grep -oE '\bbr-[0-9a-f]{12}\b' | sort -u); do
        if grep -aqs -- "${bridge#br-}" "$known"; then
            ip link del "$bridge" 2>/dev/null || true
        fi
    done
}

# restore_forwarding FILE: what start_dockerd noted, unless another engine relies on forwarding by now.
restore_forwarding() {
    if [[ -r $1 && $(<"$1") == 0 ]] && ! pgrep -x -r R,S,D,T dockerd >/dev/null; then
        printf '0\n' >/proc/sys/net/ipv4/ip_forward 2>/dev/null || true
    fi
    rm -f -- "$1"
}
