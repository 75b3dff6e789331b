# shellcheck shell=bash
# Finding Swift and building with it. Needs Scripts/lib and ROOT.

# The oldest Swift that reads Package.swift.
SWIFT_AT_LEAST=6.2

# find_swift: puts a Swift that is new enough on PATH, or says how to get one.
find_swift() {
    local place version
    for place in "$(dirname -- "$(command -v swift 2>/dev/null || printf '/nowhere/swift')")" \
        "${HOME:-/root}/.local/share/swiftly/bin" /root/.local/share/swiftly/bin /opt/swift/usr/bin \
        /usr/share/swift/usr/bin /usr/libexec/swift/bin; do
        [[ -x $place/swift ]] || continue
        version=$("$place/swift" --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9.]+$') || continue
        if [[ $(printf '%s\n' "$SWIFT_AT_LEAST" "$version" | sort -V | head -n 1) == "$SWIFT_AT_LEAST" ]]; then
            PATH=$place:$PATH
            return 0
        fi
        warn "$place/swift is version $version, older than $SWIFT_AT_LEAST"
    done
    fail "Swift $SWIFT_AT_LEAST or newer was not found" "install it from https://www.swift.org/install/linux and run this again"
}

# build_folder CONFIGURATION: where the binaries are.
build_folder() {
    printf '%s/.build/%s\n' "$ROOT" "$1"
}

# is_built CONFIGURATION PRODUCT…: are the binaries there, and newer than everything they are made of?
is_built() {
    local stamp product
    stamp=$(build_folder "$1")/.jessica-built
    [[ -f $stamp ]] || return 1
    for product in "${@:2}"; do
        [[ -x $(build_folder "$1")/$product ]] || return 1
    done
    [[ -z $(find "$ROOT/Sources" "$ROOT/Package.swift" -newer "$stamp" -print -quit 2>/dev/null) ]]
}

# build_swift CONFIGURATION PRODUCT…: builds them, unless JESSICA_BIN has them; sets BIN to their folder.
build_swift() {
    local configuration=$1 product began
    shift
    if [[ -n ${JESSICA_BIN:-} ]]; then
        for product in "$@"; do
            [[ -x $JESSICA_BIN/$product ]] || fail "there is no $JESSICA_BIN/$product" "unset JESSICA_BIN to build it"
        done
        BIN=$(realpath -- "$JESSICA_BIN")
        return 0
    fi
    BIN=$(build_folder "$configuration")
    if is_built "$configuration" "$@"; then
        return 0
    fi
    if [[ ! -d $BIN ]]; then
        step "building Jessica ($configuration); the first time takes some minutes"
    else
        step "building Jessica ($configuration)"
    fi
    began=$(mktemp)
    for product in "$@"; do
        run_build "$product" --configuration "$configuration" --product "$product"
    done
    # As old as the beginning: what was edited meanwhile is built the next time.
    touch -r "$began" "$BIN/.jessica-built"
    rm -f -- "$began"
    step "built"
}

# run_build WHAT ARGUMENT…: swift build, its progress condensed, its errors shown.
run_build() {
    local what=$1 log=${BUILD_LOG:-$STATE/logs/build.log} status=0
    shift
    mkdir -p -- "$(dirname -- "$log")"
    # Without the lock, which a process that the build leaves behind would keep.
    swift build --package-path "$ROOT" "$@" </dev/null 2>&1 9>&- | tee "$log" | build_progress "$what" || status=$?
    if ((status != 0)); then
        grep -aE '(error|fatal):' "$log" | awk '!seen[$0]++' | head -n 8 >&2 || true
        fail "the build of $what failed" "the whole log is $log"
    fi
}

# build_progress WHAT: one line that changes on a terminal; else a line every 20 seconds.
build_progress() {
    local what=$1 line said=$SECONDS count=''
    while true; do
        if IFS= read -r -t 5 line; then
            if [[ $line =~ ^\[([0-9]+/[0-9]+)\] ]]; then
                count=" ${BASH_REMATCH[1]}"
            elif [[ $line =~ ^(Fetching|Cloning|Computing|Creating)\  ]]; then
                count=" (${line:0:60})"
            fi
        elif (($? <= 128)); then
            break
        fi
        if [[ -t 2 ]]; then
            printf '\r\033[K[%4ds]   building %s%s' $((SECONDS - JESSICA_STARTED_AT)) "$what" "$count" >&2
        elif ((SECONDS - said >= 20)); then
            said=$SECONDS
            step "  building $what$count"
        fi
    done
    if [[ -t 2 ]]; then
        printf '\r\033[K' >&2
    fi
}
