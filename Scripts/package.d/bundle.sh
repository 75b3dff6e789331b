# shellcheck shell=bash
# A program with everything it is linked to, in one folder that runs on older systems. Needs Scripts/lib.

# loader_of PROGRAM: the dynamic loader it asks for.
loader_of() {
    readelf --program-headers --wide "$1" | sed -n 's/.*program interpreter: \(.*\)\]$/\1/p'
}

# libraries_of PROGRAM: every shared library it needs, by path.
libraries_of() {
    local lines
    lines=$(ldd "$1") || fail "ldd cannot read $1"
    if grep -q 'not found' <<<"$lines"; then
        fail "$1 misses $(awk '/not found/ { print $1 }' <<<"$lines" | tr '\n' ' ')"
    fi
    awk '$2 == "=>" && $3 ~ "^/" { print $3 }' <<<"$lines" | sort -u
}

# architecture_of PROGRAM: as Debian calls it.
architecture_of() {
    case $(readelf --file-header "$1" | sed -n 's/^ *Machine: *//p') in
        AArch64) say arm64 ;;
        *X86-64) say amd64 ;;
        *) fail "$1 is for a machine that this script does not know" ;;
    esac
}

# strip_file FILE: takes off what only a debugger reads; what has none stays as it is, to the byte.
strip_file() {
    if readelf --sections --wide "$1" | grep -qE ' \.(symtab|debug_info) '; then
        strip --strip-unneeded "$1"
    fi
}

# make_bundle PROGRAM FOLDER: the program, its libraries and their loader.
make_bundle() {
    local program=$1 folder=$2 loader library name
    name=$(basename -- "$program")
    loader=$(loader_of "$program")
    [[ -n $loader ]] || fail "$program asks for no dynamic loader" "is it a static program?"
    "$loader" --help 2>&1 | grep -q -- --argv0 || fail "the C library here is too old" "build on glibc 2.33 or newer"
    install -d -m 755 "$folder/loader"
    install -m 755 "$program" "$folder/$name"
    strip_file "$folder/$name"
    while IFS= read -r library; do
        install -m 644 "$library" "$folder/$(basename -- "$library")"
        strip_file "$folder/$(basename -- "$library")"
    done < <(libraries_of "$program")
    # Under the program's name, which is what ps and top show.
    install -m 755 "$loader" "$folder/loader/$name"
}

# write_launcher FILE FOLDER NAME: a command that runs the bundle installed at FOLDER. The path is an argument
# of the loader, not LD_LIBRARY_PATH: children must find this machine's libraries, not ours.
write_launcher() {
    cat >"$1" <<LAUNCHER
#!/bin/sh
# The program with its own libraries and loader: those of this machine may be too old for it.
exec $2/loader/$3 --argv0 "\$0" --library-path $2 $2/$3 "\$@"
LAUNCHER
    chmod 755 "$1"
}

# owner_of FILE: the Debian package that a library came from; nothing if none.
owner_of() {
    local path
    # With merged folders, a package may know the file by its other path.
    for path in "$1" "$(realpath -- "$1")" "/usr$1"; do
        dpkg-query -S "$path" 2>/dev/null | sed -n '1s/[:,].*//p' | grep . && return
    done
    true
}

# copy_licences PROGRAM FOLDER: the terms of everything in the bundle that is not ours.
copy_licences() {
    local library package swift checkout file
    install -d -m 755 "$2"
    while IFS= read -r library; do
        package=$(owner_of "$library")
        if [[ -n $package && -r /usr/share/doc/$package/copyright ]]; then
            install -m 644 "/usr/share/doc/$package/copyright" "$2/$package"
        fi
    done < <(loader_of "$1" && libraries_of "$1")
    swift=$(realpath -- "$(command -v swiftc 2>/dev/null || printf /nowhere)")
    file=${swift%/bin/*}/share/swift/LICENSE.txt
    [[ ! -r $file ]] || install -m 644 "$file" "$2/swift"
    for checkout in "$(dirname -- "$BIN")"/checkouts/* "$BIN"/../../checkouts/*; do
        for file in "$checkout"/LICENSE "$checkout"/LICENSE.txt; do
            [[ ! -r $file ]] || install -m 644 "$file" "$2/$(basename -- "$checkout")"
        done
    done
}
