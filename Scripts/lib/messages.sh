# shellcheck shell=bash
# What the scripts say. Results for the reader go to standard output (say); progress, warnings and
# failures go to standard error, so a script whose output is data can be piped.

JESSICA_STARTED_AT=${JESSICA_STARTED_AT:-$SECONDS}

# paint CODE TEXT: TEXT in a colour, on a terminal that wants colours; else TEXT as it is.
paint() {
    if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
        printf '\033[%sm%s\033[0m' "$1" "$2"
    else
        printf '%s' "$2"
    fi
}

# say TEXT…: a result, on standard output.
say() {
    printf '%s\n' "$*"
}

# step TEXT…: one line of progress with the seconds since the script began.
step() {
    local elapsed
    elapsed=$(printf '[%4ds]' $((SECONDS - JESSICA_STARTED_AT)))
    printf '%s %s\n' "$(paint 2 "$elapsed")" "$*" >&2
}

# warn TEXT…: something the reader should know, but that stops nothing.
warn() {
    printf '%s %s\n' "$(paint '1;33' 'warning:')" "$*" >&2
}

# fail WHAT [WHAT-TO-DO]: one clear line, then the end of the script (or of the subshell) with status 1.
fail() {
    local line=$1
    if [[ -n ${2:-} ]]; then
        line="$1; $2"
    fi
    printf '%s %s\n' "$(paint '1;31' 'error:')" "$line" >&2
    exit 1
}

# fail_usage TEXT: a wrong call; status 2.
fail_usage() {
    printf '%s %s; try --help\n' "$(paint '1;31' 'error:')" "$1" >&2
    exit 2
}
