# shellcheck shell=bash
# Debian packages: what is needed, what is missing, and how it gets here. Needs messages.sh.
#
# An entry is a package name, or PACKAGE:COMMAND, which is content when COMMAND exists by any means (an
# operator's own Docker must not be replaced by Debian's).

# shellcheck disable=SC2034  # read by the scripts that source this
JESSICA_BUILD_PACKAGES=(
    libssl-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libhiredis-dev libsqlite3-dev zlib1g-dev pkg-config
)
# shellcheck disable=SC2034
JESSICA_RUN_PACKAGES=(
    redis-server:redis-server docker.io:dockerd docker-registry:docker-registry mmdebstrap:mmdebstrap
    debian-archive-keyring python3:python3 python3-venv python3-pip openssl:openssl curl:curl jq:jq
    iproute2:ip ca-certificates procps:ps
)
# shellcheck disable=SC2034  # what Scripts/images/build needs on its own
JESSICA_IMAGE_PACKAGES=(
    docker.io:dockerd mmdebstrap:mmdebstrap debian-archive-keyring python3:python3 python3-pip curl:curl
)

# package_installed PACKAGE
package_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# missing_packages ENTRY…: the package names that are not here, one a line.
missing_packages() {
    local entry package command
    for entry in "$@"; do
        package=${entry%%:*}
        command=''
        if [[ $entry == *:* ]]; then
            command=${entry#*:}
        fi
        # The system folders are where daemons live; an ordinary user's PATH often lacks them.
        if [[ -n $command ]] && PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null 2>&1; then
            continue
        fi
        package_installed "$package" || printf '%s\n' "$package"
    done
}

# can_be_root: root already, or sudo would do (on a terminal it may ask for the password).
can_be_root() {
    ((EUID == 0)) || { command -v sudo >/dev/null 2>&1 && { [[ -t 0 || -t 2 ]] || sudo -n true 2>/dev/null; }; }
}

# as_root COMMAND…: as it is for root, else through sudo. Ask can_be_root first.
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

# install_quietly PACKAGE…: apt-get install, with no question, and with no service started by it.
# A subshell, so that its exit trap is its own and the caller's stays.
install_quietly() (
    local policy=/usr/sbin/policy-rc.d ours=no log
    log=$(mktemp)
    # shellcheck disable=SC2317,SC2329  # called by the trap
    undo() {
        if [[ $ours == yes ]]; then
            as_root rm -f "$policy"
        fi
        rm -f "$log"
    }
    trap undo EXIT
    trap 'exit 130' INT TERM
    # Debian's own switch: with a policy that answers 101, no package script starts a service. A policy that
    # is there already belongs to the operator and stays in charge.
    if [[ ! -e $policy ]]; then
        ours=yes
        printf '#!/bin/sh\n# Put here while packages are installed; removed afterwards.\nexit 101\n' |
            as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=180)
    # Try with the lists at hand first: they are often good, and fetching them takes longer than the packages.
    if ! as_root "${apt[@]}" install -y --no-install-recommends "$@" >"$log" 2>&1; then
        step "  fetching the package lists"
        if ! as_root "${apt[@]}" update >"$log" 2>&1; then
            fail "apt-get update failed: $(grep -E '^(E|W):' "$log" | tail -n 1)" "check the network and the sources of apt"
        fi
        if ! as_root "${apt[@]}" install -y --no-install-recommends "$@" >"$log" 2>&1; then
            fail "apt could not install $*: $(grep -E '^E:' "$log" | tail -n 1)" "try: apt-get install $*"
        fi
    fi
)

# keep_services_off PACKAGE…: what was just installed for this project must not come up at the next boot either.
keep_services_off() {
    local package unit
    [[ -d /run/systemd/system ]] || return 0
    for package in "$@"; do
        case $package in
            redis-server) unit=(redis-server.service) ;;
            docker.io) unit=(docker.service docker.socket containerd.service) ;;
            docker-registry) unit=(docker-registry.service) ;;
            prometheus) unit=(prometheus.service) ;;
            *) continue ;;
        esac
        as_root systemctl --quiet disable "${unit[@]}" >/dev/null 2>&1 || true
    done
}

# need_packages ENTRY…: installs what is missing. With nothing missing it touches neither apt nor the network.
need_packages() {
    local missing=()
    if ! command -v dpkg-query >/dev/null 2>&1; then
        fail "this machine has no dpkg" "install by your own means: ${*%%:*}"
    fi
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    can_be_root || fail "${missing[*]} must be installed, and that needs root" \
        "run this as root, or first: apt-get install ${missing[*]}"
    step "installing ${missing[*]}"
    install_quietly "${missing[@]}" || exit 1
    keep_services_off "${missing[@]}"
}
