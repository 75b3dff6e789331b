# shellcheck shell=bash
# Which build a package is of, and which of several is the latest. Needs ROOT.

# git_here ARGUMENT…: Git, about this tree and no other that it may lie in.
git_here() {
    [[ $(git -C "$ROOT" rev-parse --show-toplevel 2>/dev/null) == "$ROOT" ]] && git -C "$ROOT" "$@" 2>/dev/null
}

# date_of_sources: when the sources were last changed, as far as that is known.
date_of_sources() {
    git_here log -1 --format=%ct || date +%s
}

# build_of_sources: what tells these sources from others, as the end of a version; nothing without Git.
build_of_sources() {
    local commit changes
    commit=$(TZ=UTC git_here log -1 --abbrev=8 --date=format-local:%Y%m%d%H%M --format=%cd.%h) || return 0
    changes=$(git_here status --porcelain) || return 0
    printf '+%s%s' "$commit" "${changes:+.dirty}"
}

# newest_packages FOLDER: of each Jessica package there the one with the highest version, by path.
newest_packages() {
    local file name version
    declare -A newest=() versions=()
    for file in "$1"/jessica-*.deb; do
        [[ -e $file ]] || continue
        name=$(dpkg-deb --field "$file" Package)
        version=$(dpkg-deb --field "$file" Version)
        [[ -z ${newest[$name]:-} ]] || dpkg --compare-versions "$version" gt "${versions[$name]}" || continue
        newest[$name]=$file versions[$name]=$version
    done
    ((${#newest[@]} == 0)) || printf '%s\n' "${newest[@]}"
}
