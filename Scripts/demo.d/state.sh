# shellcheck shell=bash
# The state folder: whose it is, who works on it, and what is noted in it.
#
#   settings        ports, binaries and fleet of the running demo
#   cluster.yaml    the fleet as the controller was given it
#   controller/     the controller's state    nodes/NODE/   an agent's state    out/   results
#   docker/ registry/ cache/   the private engine, the registry and downloads   logs/  run/

MARK=.jessica-demo
# A unix socket's path has at most 107 bytes; the longest one here is controller/redis/redis.sock.
STATE_BYTES=75

# open_state: a state folder that may not exist yet, without making it.
open_state() {
    LINK_PORT=7443 API_PORT=8443 REGISTRY_PORT=5000 BIN='' FLEET='' SOCKET='' NODES_NOTED=''
    if [[ -z $STATE ]]; then
        STATE=$(default_state "$ROOT/.demo")
    fi
    STATE=$(realpath -m -- "$STATE")
    read_settings
}

# default_state DIR: DIR, or a folder of its own at home when DIR lies too deep for sockets.
default_state() {
    if ((${#1} <= STATE_BYTES)); then
        printf '%s\n' "$1"
    else
        printf '%s/.jessica-%s\n' "${HOME:-/root}" "$(sha256sum <<<"$1" | cut -c1-8)"
    fi
}

# make_state: the state folder, made if need be.
make_state() {
    open_state
    if ((${#STATE} > STATE_BYTES)); then
        fail "the path $STATE is too long for the sockets in it" "name a folder of at most $STATE_BYTES letters with --state"
    fi
    if [[ -d $STATE && ! -e $STATE/$MARK && -n $(ls -A -- "$STATE") ]]; then
        fail "$STATE is not empty and no state folder of the demo" "choose another with --state"
    fi
    mkdir -p -- "$STATE/logs" "$STATE/run" "$STATE/nodes" || fail "cannot make $STATE"
    : >>"$STATE/$MARK"
    chmod 700 "$STATE"
}

# lock_state: one demo at a time on a state folder. The lock ends with this process, however it ends.
lock_state() {
    [[ -d $STATE ]] || return 0
    exec 9>>"$STATE/run.lock"
    flock -n 9 || fail "another Scripts/demo or Scripts/test works on $STATE" "wait for it to end, or use another folder with --state"
}

# noted KEY: a value of the settings file.
noted() {
    sed -n "s|^$1=||p" "$STATE/settings" 2>/dev/null | head -n 1
}

read_settings() {
    [[ -r $STATE/settings ]] || return 0
    LINK_PORT=$(noted link)
    API_PORT=$(noted api)
    REGISTRY_PORT=$(noted registry)
    BIN=$(noted bin)
    FLEET=$(noted fleet)
    # shellcheck disable=SC2034  # read by down.sh and show.sh
    SOCKET=$(noted socket)
    NODES_NOTED=$(noted nodes)
}

note_settings() {
    cat >"$STATE/settings.new" <<SETTINGS
link=$LINK_PORT
api=$API_PORT
registry=$REGISTRY_PORT
bin=${BIN:-}
fleet=${FLEET:-}
socket=${JESSICA_DOCKER_SOCKET:-}
nodes=${NODES:-$NODES_NOTED}
SETTINGS
    mv -- "$STATE/settings.new" "$STATE/settings"
}

# settle_ports: the ports of the fleet that runs, or those asked for; fails if somebody else has one.
settle_ports() {
    local port name
    if [[ -n $PORT_BASE ]]; then
        if [[ -n $(our_pids) && $PORT_BASE != "$LINK_PORT" ]]; then
            fail "this fleet runs on ports $LINK_PORT, $API_PORT and $REGISTRY_PORT" "end it first with: $(demo_command --down)"
        fi
        LINK_PORT=$PORT_BASE API_PORT=$((PORT_BASE + 1)) REGISTRY_PORT=$((PORT_BASE + 2))
    fi
    for port in "$LINK_PORT" "$API_PORT" "$REGISTRY_PORT"; do
        port_free "$port" && continue
        port_is_ours "$port" && continue
        name=$(port_holder "$port")
        fail "port $port is taken by ${name:-another program}" "end that, or choose other ports: $(demo_command --port-base "$(free_base)")"
    done
}

# port_holder PORT: who listens there, as `nginx (process 123)`; nothing if it cannot be told.
port_holder() {
    ss -Hltnp "sport = :$1" 2>/dev/null | grep -oE '\("[^"]+",pid=[0-9]+' | head -n 1 |
        sed -E 's/\("([^"]+)",pid=([0-9]+)/\1 (process \2)/' || true
}

# port_is_ours PORT: does a process of this state folder listen there?
port_is_ours() {
    local holder pid
    holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | grep -oE 'pid=[0-9]+' | grep -oE '[0-9]+' | sort -u) || return 1
    for pid in $holder; do
        pid_runs "$pid" "$STATE/" && return 0
    done
    return 1
}

# free_base: a port base with three free ports.
free_base() {
    local base
    for base in 17443 27443 37443 47443 57443; do
        if port_free "$base" && port_free $((base + 1)) && port_free $((base + 2)); then
            printf '%s\n' "$base"
            return
        fi
    done
    printf 'N\n'
}

check_disk() {
    local free needed=1000
    # A first build takes about 3 GB, the images 2 GB with what is downloaded for them.
    [[ -x $(build_folder "$BUILD")/spark-controller ]] || needed=$((needed + 4000))
    [[ -d $STATE/registry/images ]] || needed=$((needed + 3000))
    free=$(disk_free_mb "$STATE")
    ((free >= needed)) || fail "only $free MB are free at $STATE, and $needed are needed" "free some space, or name a folder on a larger disk with --state"
}

# demo_command WORD…: how to call this script for this state folder.
demo_command() {
    local words=(Scripts/demo "$@")
    if [[ $STATE != "$(default_state "$ROOT/.demo")" ]]; then
        words+=(--state "$(printf %q "$STATE")")
    fi
    printf '%s\n' "${words[*]}"
}
