# shellcheck shell=bash
# What the demo shows: the picture and its way, the fleet's state, and how to go on.

REQUEST='Generate an image of a sunset'

# has_page: is there a web interface?
has_page() {
    api / 2>/dev/null | head -c 200 | grep -qiE '<!doctype html|<html'
}

show_address() {
    if has_page; then
        say "UI:  https://127.0.0.1:$API_PORT/ (token: $STATE/controller/admin.token)"
    fi
    say "API: https://127.0.0.1:$API_PORT/api/v1, or HTTP on the socket $STATE/controller/controller.sock"
}

ask_for_picture() {
    local answer said=$STATE/logs/ask.log file node
    mkdir -p -- "$STATE/out"
    step "jctl ask \"$REQUEST\" --wait --out $STATE/out"
    if ! answer=$(jctl ask "$REQUEST" --wait --timeout 5m --out "$STATE/out" -o json 2>"$said"); then
        sed 's/^/    /' "$said" | tail -n 8 >&2
        show_log controller
        fail "the request failed" "the logs are in $STATE/logs"
    fi
    file=$(sed -n 's/^\(jctl: \)\{0,1\}saved //p' "$said" | tail -n 1)
    [[ -s $file ]] || fail "the picture did not arrive" "see $said"
    node=$(jq -r '[.attempts[]? | select(.state == "succeeded") | .node][0] // .node // "?"' <<<"$answer")
    say ""
    say "Picture: $file ($(file_kind "$file"))"
    say "Made by: $node$(jq -r 'if any(.attempts[]?; .state == "succeeded" and (.roamer == true)) then " (a roamer)" else "" end' <<<"$answer")"
    say "Job:     $(jq -r .id <<<"$answer")"
    # The last step has no duration: it is the end.
    jq -r '.timeline[]? | "         \(.at[11:23])  \(.state)\(if .node then " on \(.node)" else "" end)\(
        if .durationSeconds then "  \(.durationSeconds * 1000 | round | if . >= 1000 then "\(. / 1000) s" else "\(.) ms" end)" else "" end)"' <<<"$answer"
}

# file_kind FILE: `PNG, 768x512, 412 kB`
file_kind() {
    python3 - "$1" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
size = f"{len(data) / 1000:.0f} kB"
if data[:8] == b"\x89PNG\r\n\x1a\n":
    print("PNG, %dx%d, %s" % (*struct.unpack(">II", data[16:24]), size))
else:
    print(f"no PNG, {size}")
    sys.exit(1)
PYTHON
}

show_way_on() {
    say ""
    show_address
    say ""
    say "Go on:"
    say "  export JCTL_ENDPOINT=$STATE/controller/controller.sock PATH=$BIN:\$PATH"
    say "  jctl top                                   # the fleet on one screen"
    say "  jctl ask \"Say hello\" --wait --out .        # also: a video, music, a question, …"
    say "  jctl get nodes; jctl get jobs; jctl events -f"
    say "  jctl run --image jessica/base:latest -- python3 -c 'print(6*7)'   # on a roamer"
    say "  $(demo_command --status)    $(demo_command --down)"
}

# row WHAT DETAIL STATE CONDITION…: a line of the status table, ok if the condition holds, else STATE.
row() {
    local what=$1 detail=$2 state=$3
    shift 3
    if "$@"; then
        state=ok
    else
        HEALTHY=no
    fi
    printf '%-12s %-8s %s\n' "$what" "$state" "$detail"
}

show_status() {
    HEALTHY=yes
    if [[ ! -r $STATE/settings && -z $(our_pids) ]]; then
        say "nothing runs in $STATE; start it with: $(demo_command)"
        exit 1
    fi
    local pid agents all nodes unready=()
    row engine "${SOCKET:-none}" down engine_answers "${SOCKET:-/nowhere}"
    row registry "127.0.0.1:$REGISTRY_PORT" down registry_answers "$REGISTRY_PORT"
    pid=$(controller_pid)
    if [[ -z $pid ]]; then
        row controller "log: $STATE/logs/controller.log" down false
    else
        row controller "process $pid, https://127.0.0.1:$API_PORT" silent controller_answers
    fi
    agents=$(pids_running fleet-agent "$STATE/nodes/" | wc -l)
    if nodes=$(jctl get nodes -o json 2>/dev/null); then
        all=$(jq -r '(.items? // .) | length' <<<"$nodes")
        mapfile -t unready < <(jq -r "$UNREADY" <<<"$nodes")
        row agents "$agents of $all run" missing [ "$agents" -eq "$all" ]
        row fleet "$(jq -r "$COUNTS" <<<"$nodes")" unready [ "${#unready[@]}" -eq 0 ]
        if ((${#unready[@]} > 0)); then
            printf '             %s\n' "${unready[@]:0:10}"
        fi
    else
        row fleet "$agents agents run" unknown false
    fi
    [[ $HEALTHY == yes ]]
}
