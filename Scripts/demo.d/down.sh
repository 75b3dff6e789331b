# shellcheck shell=bash
# Ending the fleet without a trace. Each part is tried, whatever became of the one before.

# end_all SECONDS PID…: asks them all at once, waits, and insists on those that are left.
end_all() {
    local seconds=$1 pid
    shift
    # A stopped process takes no signal but this one.
    kill -CONT "$@" 2>/dev/null || true
    kill -TERM "$@" 2>/dev/null || true
    for pid in "$@"; do
        gone_within "$pid" "$seconds" || {
            seconds=0
            kill -KILL "$pid" 2>/dev/null || true
            gone_within "$pid" 5 || warn "process $pid does not end"
        }
    done
}

stop_agent() {
    local pid
    pid=$(agent_pid "$1")
    if [[ -n $pid ]]; then
        end_all 10 "$pid"
    fi
    rm -f -- "$STATE/run/agent-$1.pid"
}

# end_processes WHAT SECONDS WORD…: every process whose command line holds all words.
end_processes() {
    local what=$1 seconds=$2 pids=()
    mapfile -t pids < <(pids_running "${@:3}")
    if ((${#pids[@]} > 0)); then
        step "ending $what"
        end_all "$seconds" "${pids[@]}"
    fi
}

# remove_from_engine: this fleet's containers, networks and volumes on an engine that is not ours to end.
remove_from_engine() {
    local found=() kind
    JESSICA_DOCKER_SOCKET=$SOCKET
    [[ -n $SOCKET && -n $FLEET ]] || return 0
    [[ $SOCKET != "$(docker_run_dir "$STATE")/docker.sock" ]] && engine_answers "$SOCKET" || return 0
    mapfile -t found < <(docker_cli ps -aq --filter "label=jessica.fleet=$FLEET")
    if ((${#found[@]} > 0)); then
        step "removing ${#found[@]} containers"
        docker_cli rm -f -v "${found[@]}" >/dev/null 2>&1 || warn "some containers of fleet $FLEET could not be removed"
    fi
    for kind in network volume; do
        mapfile -t found < <(docker_cli "$kind" ls -q --filter "label=jessica.fleet=$FLEET")
        if ((${#found[@]} > 0)); then
            docker_cli "$kind" rm "${found[@]}" >/dev/null 2>&1 || warn "a $kind of fleet $FLEET could not be removed"
        fi
    done
    if [[ $PURGE == yes ]]; then
        mapfile -t found < <(docker_cli image ls --filter label=jessica.inputs --format '{{.Repository}}:{{.Tag}}')
        if ((${#found[@]} > 0)); then
            docker_cli image rm "${found[@]}" >/dev/null 2>&1 || true
        fi
    fi
}

bring_down() {
    local purge=() left
    if [[ ! -d $STATE ]]; then
        say "nothing runs: there is no $STATE"
        return 0
    fi
    if [[ ! -e $STATE/$MARK ]]; then
        fail "$STATE is no state folder of the demo"
    fi
    if [[ $PURGE == yes ]]; then
        purge=(--purge)
    fi
    end_processes "the agents" 10 fleet-agent "$STATE/nodes/"
    end_processes "the controller" 20 spark-controller "$STATE/controller"
    # A controller that was killed leaves its store behind.
    end_processes "the controller's store" 10 redis-server "$STATE/controller"
    remove_from_engine
    (stop_registry "$STATE" "${purge[@]}") || true
    (stop_docker "$STATE" "${purge[@]}") || true
    rm -f -- "$STATE"/run/*.pid "$STATE/settings" "$STATE/cluster.yaml.new"
    left=$(pids_running "$STATE/" | tr '\n' ' ')
    if [[ -n $left ]]; then
        fail "still running: process ${left% }" "look at it with: ps -fp ${left// /,}"
    fi
    if grep -qF " $STATE/" /proc/self/mountinfo; then
        fail "something is still mounted below $STATE" "see /proc/self/mountinfo"
    fi
    if [[ $PURGE == yes ]]; then
        rm -rf -- "$STATE"
        say "the fleet is down, and $STATE is deleted"
    else
        say "the fleet is down; logs and images stay in $STATE ($(demo_command --down --purge) deletes them)"
    fi
}
