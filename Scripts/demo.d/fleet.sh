# shellcheck shell=bash
# The processes of the fleet: one controller, one agent for each node. What lives is left alone.

# our_pids: every process of the fleet that runs from this state folder.
our_pids() {
    {
        pids_running spark-controller "$STATE/controller"
        pids_running fleet-agent "$STATE/nodes/"
    } | sort -un
}

# daemon_pid NAME WORD…: the process a pid file names, if it is still what it was.
daemon_pid() {
    local pid
    pid=$(pid_from "$STATE/run/$1.pid")
    if [[ -n $pid ]] && pid_runs "$pid" "${@:2}"; then
        printf '%s\n' "$pid"
    fi
}

controller_pid() { daemon_pid controller spark-controller "$STATE/controller"; }
agent_pid() { daemon_pid "agent-$1" fleet-agent "$STATE/nodes/$1"; }

# start_daemon NAME COMMAND…: in the background, in a session of its own, its output in logs/NAME.log.
start_daemon() {
    local name=$1 log=$STATE/logs/$1.log variable
    shift
    if [[ -f $log && $(stat -c %s -- "$log") -gt 20000000 ]]; then
        mv -- "$log" "$log.1"
    fi
    rm -f -- "$STATE/run/$name.pid"
    (
        # Settings of the caller's own Jessica are not the demo's.
        for variable in ${!JESSICA_@}; do
            unset "$variable"
        done
        # The shell writes its own number and becomes the daemon: at no moment is there one without a pid file.
        # shellcheck disable=SC2016
        exec setsid bash -c 'echo $$ >"$0" && exec "$@"' "$STATE/run/$name.pid" "$@" </dev/null >>"$log" 2>&1 9>&-
    ) &
    # The pid file is there before anybody asks for it.
    wait_for "[[ -s $(printf %q "$STATE/run/$name.pid") ]]" 10 "$name" || fail "$name did not start" "see $log"
}

# jctl ARGUMENT…: against the controller's own socket.
jctl() {
    env -u JCTL_CONTEXT -u JCTL_TOKEN_FILE -u JCTL_CA_FILE "$BIN/jctl" --endpoint "$STATE/controller/controller.sock" "$@"
}

# api PATH: a GET over the socket.
api() {
    curl -fsS --max-time 10 --unix-socket "$STATE/controller/controller.sock" "http://localhost$1" 2>/dev/null
}

# render_fleet: the fleet file fitted to this machine, and the fleet's name in FLEET.
render_fleet() {
    local source=${NODES:-${NODES_NOTED:-$ROOT/Scripts/demo.d/cluster.yaml}}
    [[ -r $source ]] || source=$ROOT/Scripts/demo.d/cluster.yaml
    FLEET=$("$ROOT/Scripts/demo.d/render" "$source" --name)
    if [[ $JESSICA_DOCKER_SOCKET != "$(docker_run_dir "$STATE")/docker.sock" ]]; then
        # On an engine that others use too, this state folder's containers need a name of their own.
        FLEET=$FLEET-$(docker_tag "$STATE")
    fi
    "$ROOT/Scripts/demo.d/render" "$source" --registry "$JESSICA_REGISTRY" --fleet "$FLEET" >"$STATE/cluster.yaml.new"
    FLEET_SOURCE=$source
}

start_controller() {
    render_fleet
    if [[ -n $(controller_pid) ]]; then
        wait_for_controller
        if ! cmp -s -- "$STATE/cluster.yaml.new" "$STATE/cluster.yaml"; then
            step "applying $FLEET_SOURCE"
            jctl apply -f "$STATE/cluster.yaml.new" >&2 || fail "the controller refused $FLEET_SOURCE" "its mistakes are above"
            mv -- "$STATE/cluster.yaml.new" "$STATE/cluster.yaml"
        fi
        note_settings
        return 0
    fi
    mv -- "$STATE/cluster.yaml.new" "$STATE/cluster.yaml"
    note_settings
    mkdir -p -- "$STATE/controller"
    chmod 700 "$STATE/controller"
    write_settings "$STATE/controller.yaml"
    step "starting the controller: agents on $LINK_PORT, API on $API_PORT"
    local flags=()
    read -ra flags <<<"${JESSICA_DEMO_CONTROLLER_FLAGS:-}"
    printf -- '--- start\n' >>"$STATE/logs/controller.log"
    start_daemon controller "$BIN/spark-controller" run --config "$STATE/controller.yaml" \
        --state-dir "$STATE/controller" --fleet-file "$STATE/cluster.yaml" \
        --link-host 127.0.0.1 --link-port "$LINK_PORT" --api-host 127.0.0.1 --api-port "$API_PORT" "${flags[@]}"
    wait_for_controller
}

# write_settings FILE: so that no configuration of an installed Jessica is read.
write_settings() {
    printf '# Written by Scripts/demo; the rest is on the command line.\nlog: {level: info}\n' >"$1"
}

# controller_answers: is it up and its store with it?
controller_answers() {
    [[ -S $STATE/controller/controller.sock ]] && api /readyz >/dev/null
}

# controller_settled: it answers, or will never.
controller_settled() {
    controller_answers || [[ -z $(controller_pid) ]]
}

wait_for_controller() {
    if ! wait_for controller_settled 60 "the controller" || ! controller_answers; then
        show_log controller
        if [[ -z $(controller_pid) ]]; then
            fail "the controller ended" "its log is $STATE/logs/controller.log"
        fi
        fail "the controller does not answer" "its log is $STATE/logs/controller.log"
    fi
}

# start_agents: one for every node of the fleet that has none; those of nodes that left the fleet end.
start_agents() {
    local node nodes file started=0
    mapfile -t nodes < <(jctl get nodes -o json | jq -r '(.items? // .)[].name')
    ((${#nodes[@]} > 0)) || fail "the fleet has no nodes" "give it some in $FLEET_SOURCE"
    for file in "$STATE"/run/agent-*.pid; do
        node=${file##*/agent-}
        node=${node%.pid}
        if [[ -e $file && " ${nodes[*]} " != *" $node "* ]]; then
            stop_agent "$node"
        fi
    done
    for node in "${nodes[@]}"; do
        if [[ -n $(agent_pid "$node") ]]; then
            continue
        fi
        if ((started == 0)); then
            step "starting the agents"
        fi
        started=$((started + 1))
        start_agent "$node"
    done
    if ((started > 0)); then
        step "started $started of ${#nodes[@]} agents"
    fi
}

start_agent() {
    local node=$1 folder=$STATE/nodes/$1
    mkdir -p -- "$folder/tls"
    chmod 700 "$folder" "$folder/tls"
    if ! openssl x509 -noout -checkend 172800 -in "$folder/tls/node.crt" >/dev/null 2>&1 ||
        ! openssl verify -CAfile "$STATE/controller/authority/ca.crt" "$folder/tls/node.crt" >/dev/null 2>&1; then
        rm -f -- "$folder"/tls/*
        "$BIN/spark-controller" certify "$node" --state-dir "$STATE/controller" --out "$folder/tls" \
            >"$STATE/logs/certify.log" 2>&1 || fail "no certificate for $node: $(tail -n 1 "$STATE/logs/certify.log")"
    fi
    write_settings "$folder/agent.yaml"
    # Fifteen agents share this machine's memory: none can tell what is its own.
    start_daemon "agent-$node" "$BIN/fleet-agent" run --config "$folder/agent.yaml" --node "$node" --fleet "$FLEET" \
        --controller-host 127.0.0.1 --controller-port "$LINK_PORT" --controller-api-port "$API_PORT" --state-dir "$folder" \
        --docker-socket "$JESSICA_DOCKER_SOCKET" --clean-memory-margin 0MB
}

# What is not as it should be, one line a node. A roamer may work, but not be cleaned or shut away.
# shellcheck disable=SC2034,SC2016
UNREADY='
(.items? // .)[]
| .name as $name
| if .state != "ready" then "\($name): \(.state)\(if (.reason // "") != "" then " (\(.reason))" else "" end)"
  elif .role == "roamer" then
    (.roamer.state // "unknown") as $state
    | if $state == "CLEANUP" or $state == "QUARANTINED" or $state == "unknown"
      then "\($name): \($state)\(if (.roamer.reason // "") != "" then " (\(.roamer.reason))" else "" end)" else empty end
  else
    .pods[]? | select(.state != "ready")
    | "\($name): \(.name) is \(.state)\((.error.message // .progress.text // "") | if . != "" then " (\(.))" else "" end)"
  end'
# shellcheck disable=SC2034,SC2016
COUNTS='
(.items? // .) as $all
| [$all[] | select(.role != "roamer") | .pods[]?] as $pods
| [$all[] | select(.role == "roamer")] as $roamers
| "\([$pods[] | select(.state == "ready")] | length) of \($pods | length) pods ready, \([$roamers[] | select(.roamer.state == "IDLE" and .state == "ready")] | length) of \($roamers | length) roamers IDLE"'

# wait_ready: until every pod is ready and every roamer can be lent; at most five minutes.
wait_ready() {
    local nodes unready=() counts='' said='' began=$SECONDS last=-10
    while true; do
        if [[ -z $(controller_pid) ]]; then
            show_log controller
            fail "the controller ended" "its log is $STATE/logs/controller.log"
        fi
        check_agents
        if nodes=$(jctl get nodes -o json 2>/dev/null); then
            mapfile -t unready < <(jq -r "$UNREADY" <<<"$nodes")
            counts=$(jq -r "$COUNTS" <<<"$nodes")
            if ((${#unready[@]} == 0)); then
                step "$counts"
                return 0
            fi
            if [[ $counts != "$said" || $((SECONDS - last)) -ge 10 ]] && ((SECONDS - last >= 2)); then
                said=$counts last=$SECONDS
                step "  $counts; ${unready[0]:0:100}"
            fi
        fi
        if ((SECONDS - began >= 300)); then
            break
        fi
        sleep 0.5
    done
    printf '  %s\n' "${unready[@]:0:15}" >&2
    show_log controller
    if ((${#unready[@]} > 0)); then
        show_log "agent-${unready[0]%%:*}"
    fi
    fail "the fleet is not ready after 300 s ($counts)" "the logs are in $STATE/logs; try again with: $(demo_command)"
}

# check_agents: one that ended will not come back by itself.
check_agents() {
    local file node
    for file in "$STATE"/run/agent-*.pid; do
        node=${file##*/agent-}
        node=${node%.pid}
        if [[ -e $file && -z $(agent_pid "$node") ]]; then
            show_log "agent-$node"
            fail "the agent of $node ended" "its log is $STATE/logs/agent-$node.log"
        fi
    done
}

# show_log NAME: the end of a daemon's log, short.
show_log() {
    local log=$STATE/logs/$1.log
    if [[ -s $log ]]; then
        printf 'the last lines of %s:\n' "$log" >&2
        tail -n 8 -- "$log" | cut -c1-240 | sed 's/^/    /' >&2
    fi
}

# warn_if_outdated: the binaries may have been built anew under a fleet that runs; that is no reason to end it.
warn_if_outdated() {
    local pid
    for pid in $(our_pids); do
        if [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == *' (deleted)' ]]; then
            warn "the fleet still runs an earlier build; to use the new one: $(demo_command --down) && $(demo_command)"
            return
        fi
    done
}
