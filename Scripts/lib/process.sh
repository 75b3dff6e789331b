# shellcheck shell=bash
# Small questions about this machine: processes, ports, space, and waiting for something to become true.
# Needs messages.sh.

# pid_alive PID: is there such a process, and is it more than a zombie?
pid_alive() {
    local state
    [[ ${1:-} =~ ^[0-9]+$ ]] || return 1
    state=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) || return 1
    [[ -n $state && $state != Z* ]]
}

# pid_from FILE: the number in a pid file; nothing if there is none.
pid_from() {
    local pid=''
    if [[ -r ${1:-} ]]; then
        read -r pid <"$1" || true
    fi
    if [[ $pid =~ ^[0-9]+$ ]]; then
        printf '%s\n' "$pid"
    fi
}

# pid_runs PID WORD…: is PID alive and does its command line hold every WORD? A pid file alone proves
# nothing: after a reboot its number may belong to somebody else.
pid_runs() {
    local pid=$1 command word
    shift
    pid_alive "$pid" || return 1
    command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
    for word in "$@"; do
        [[ $command == *"$word"* ]] || return 1
    done
}

# pids_running WORD…: every process whose command line holds all WORDs, this shell and its parent aside.
pids_running() {
    local file pid
    while IFS= read -r file; do
        pid=${file//[!0-9]/}
        if [[ $pid != "$$" && $pid != "$BASHPID" && $pid != "$PPID" ]] && pid_runs "$pid" "$@"; then
            printf '%s\n' "$pid"
        fi
    done < <(grep -laF -- "$1" /proc/[0-9]*/cmdline 2>/dev/null)
}

# end_pid PID SECONDS: asks a process to end (SIGTERM), waits, and insists (SIGKILL) when the time is up.
end_pid() {
    local pid=$1 tries
    kill -TERM "$pid" 2>/dev/null || return 0
    if ! gone_within "$pid" "$2"; then
        kill -KILL "$pid" 2>/dev/null || true
        gone_within "$pid" 5 || return 1
    fi
    # Collect it if it is a child of this shell; else its parent does, at once or a moment later.
    wait "$pid" 2>/dev/null || true
    tries=30
    while [[ -d /proc/$pid ]] && ((tries-- > 0)); do
        sleep 0.1
    done
}

# gone_within PID SECONDS: has it ended within that time?
gone_within() {
    local tries=$(($2 * 20))
    while pid_alive "$1"; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# wait_for CONDITION_CMD TIMEOUT DESCRIPTION: runs the command until it succeeds, saying every five seconds
# what it waits for. Status 1 when TIMEOUT seconds have passed.
wait_for() {
    local condition=$1 timeout=$2 description=$3 began=$SECONDS said=$SECONDS
    until eval "$condition" >/dev/null 2>&1; do
        if ((SECONDS - began >= timeout)); then
            return 1
        fi
        if ((SECONDS - said >= 5)); then
            said=$SECONDS
            step "  waiting for $description ($((SECONDS - began)) of at most $timeout s)"
        fi
        sleep 0.2
    done
}

# port_free PORT: does nothing listen on this TCP port, on any address?
port_free() {
    local hex
    [[ ${1:-} =~ ^[0-9]+$ ]] && (($1 > 0 && $1 < 65536)) || return 1
    hex=$(printf ':%04X' "$1")
    # Column 2 is the local address, column 4 the state; 0A is LISTEN.
    ! awk -v port="$hex" 'substr($2, length($2) - 4) == port && $4 == "0A" { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# nearest_directory PATH: PATH if it exists, else its closest parent that does.
nearest_directory() {
    local path=$1
    while [[ ! -d $path ]]; do
        path=$(dirname -- "$path")
    done
    printf '%s\n' "$path"
}

# disk_free_mb DIR: the free space there in MB; DIR need not exist yet.
disk_free_mb() {
    df -Pm -- "$(nearest_directory "$1")" | awk 'NR == 2 { print $4 }'
}

# filesystem_of DIR: the type of the file system that holds DIR (ext2/ext3, tmpfs, overlayfs, …).
filesystem_of() {
    stat -f -c %T -- "$(nearest_directory "$1")"
}

# last_error_lines FILE: the end of a log on one line, for a failure message.
last_error_lines() {
    if [[ ! -s ${1:-} ]]; then
        printf 'its log is empty'
        return
    fi
    { grep -aiE 'level=(error|fatal)|panic|failed|error' "$1" || tail -n 2 "$1"; } | tail -n 2 | cut -c1-300 | tr '\n' ' '
}
