# shellcheck shell=bash
# An image registry on loopback, with its images in the state folder. Needs messages.sh and process.sh.

# registry_answers PORT
registry_answers() {
    curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://127.0.0.1:$1/v2/" 2>/dev/null
}

# registry_pid STATE_DIR: the registry this state folder started, while it lives.
registry_pid() {
    local pid
    pid=$(pid_from "$1/registry/pid")
    if [[ -n $pid ]] && pid_runs "$pid" docker-registry "$1/registry/config.yml"; then
        printf '%s\n' "$pid"
    fi
}

# ensure_registry STATE_DIR PORT: a registry on 127.0.0.1:PORT; sets JESSICA_REGISTRY to HOST:PORT.
ensure_registry() {
    local state port=$2 directory pid
    mkdir -p -- "$1"
    state=$(cd -- "$1" && pwd -P)
    directory=$state/registry
    JESSICA_REGISTRY=127.0.0.1:$port
    export JESSICA_REGISTRY
    if [[ -n $(registry_pid "$state") ]]; then
        if registry_answers "$port"; then
            return 0
        fi
        # It is ours, but on another port or hung: begin again.
        stop_registry "$state"
    fi
    port_free "$port" || fail "port $port is taken, so the registry cannot use it" "stop what listens there or choose another port"
    mkdir -p -- "$directory/images"
    cat >"$directory/config.yml" <<CONFIG
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: "$directory/images"}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port"}
CONFIG
    step "starting an image registry on 127.0.0.1:$port"
    setsid docker-registry serve "$directory/config.yml" >"$directory/log" 2>&1 </dev/null &
    pid=$!
    printf '%s\n' "$pid" >"$directory/pid"
    if ! wait_for "registry_answers $port || ! pid_alive $pid" 30 "the registry" || ! registry_answers "$port"; then
        stop_registry "$state"
        fail "the registry did not start: $(last_error_lines "$directory/log")" "see $directory/log"
    fi
}

# stop_registry STATE_DIR [--purge]: ends the registry this state folder started; its images stay unless --purge.
stop_registry() {
    local state pid
    [[ -d $1/registry ]] || return 0
    state=$(cd -- "$1" && pwd -P)
    pid=$(registry_pid "$state")
    if [[ -n $pid ]]; then
        end_pid "$pid" 10 || fail "the registry (process $pid) does not end" "look at it with: ps -fp $pid"
    fi
    rm -f -- "$state/registry/pid"
    if [[ ${2:-} == --purge ]]; then
        rm -rf -- "$state/registry"
    fi
}
