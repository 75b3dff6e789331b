# shellcheck shell=bash
# A folder that becomes a Debian package. Needs Scripts/lib, bundle.sh, and the table and options of Scripts/package.

PACKAGE_PARTS=$ROOT/Scripts/package.d
# A service's user, the groups it is put into where they exist, and what its user is called in /etc/passwd.
declare -A SERVICE_USER=([agent]=jessica-agent [controller]=jessica)
# video and render own the GPU's device files, which the sensors' programs open.
declare -A SERVICE_GROUPS=([agent]='docker video render' [controller]='')

# fill FILE NAME: a template on standard output, its @WORDS@ replaced.
fill() {
    local unit
    unit=$(field "$2" 2).service
    sed -e "s|@NAME@|$2|g" -e "s|@UNIT@|$unit|g" -e "s|@USER@|${SERVICE_USER[$2]:-}|g" \
        -e "s|@GROUPS@|${SERVICE_GROUPS[$2]:-}|g" -e "s|@VERSION@|$PACKAGE_VERSION|g" \
        -e "s|@ARCHITECTURE@|$PACKAGE_ARCHITECTURE|g" -e "s|@SIZE@|${PACKAGE_SIZE:-0}|g" "$1"
}

# add_service NAME TREE: unit, settings, and the scripts that make and remove the user and the service.
add_service() {
    local name=$1 tree=$2 unit script mode=644
    unit=$(field "$name" 2).service
    install -D -m 644 "$PACKAGE_PARTS/$name/$unit" "$tree/lib/systemd/system/$unit"
    # The controller's file may hold a storage key; postinst gives the group to its user.
    [[ $name != controller ]] || mode=640
    install -D -m "$mode" "$PACKAGE_PARTS/$name/$name.yaml" "$tree/etc/jessica/$name.yaml"
    printf '/etc/jessica/%s.yaml\n' "$name" >"$tree/DEBIAN/conffiles"
    for script in postinst prerm postrm; do
        fill "$PACKAGE_PARTS/service/$script" "$name" >"$tree/DEBIAN/$script"
        chmod 755 "$tree/DEBIAN/$script"
    done
}

# add_completions TREE: what jctl prints for the shells.
add_completions() {
    local shell file
    for shell in bash zsh fish; do
        case $shell in
            bash) file=$1/usr/share/bash-completion/completions/jctl ;;
            zsh) file=$1/usr/share/zsh/vendor-completions/_jctl ;;
            fish) file=$1/usr/share/fish/vendor_completions.d/jctl.fish ;;
        esac
        install -d -m 755 "$(dirname -- "$file")"
        "$BIN/jctl" --generate-completion-script "$shell" >"$file" || fail "jctl prints no completions for $shell"
        chmod 644 "$file"
    done
}

# add_manual NAME TREE: the program's own help as a page of the manual.
add_manual() {
    local program section folder arguments
    program=$(field "$1" 2)
    section=$(field "$1" 3)
    read -ra arguments <<<"$(field "$1" 4)"
    folder=$2/usr/share/man/man$section
    install -d -m 755 "$folder"
    {
        printf '.TH %s %s "" "Jessica %s"\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n' "${program^^}" "$section" \
            "$PACKAGE_VERSION" "$program" "$(sed -n 's/^Description: //p' "$PACKAGE_PARTS/$1/control")"
        "$BIN/$program" "${arguments[@]}" | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\\&&/"
        printf '.fi\n'
    } | gzip -9n >"$folder/$program.$section.gz"
    chmod 644 "$folder/$program.$section.gz"
}

# add_documents NAME TREE: changelog and copyright, which Debian asks for.
add_documents() {
    local folder=$2/usr/share/doc/jessica-$1
    copy_licences "$BIN/$(field "$1" 2)" "$folder/bundled"
    {
        printf 'jessica-%s (%s) unstable; urgency=medium\n\n' "$1" "$PACKAGE_VERSION"
        printf '  * Built from the sources of %s.\n\n' "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)"
        printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' "$PACKAGE_PARTS/$1/control")" \
            "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$folder/changelog.gz"
    cat >"$folder/copyright" <<'TEXT'
Jessica, by its authors. The programs and libraries of others that this package carries in /usr/lib/jessica,
and those that are linked into its program, are under the terms in the folder bundled/ beside this file, each
named after the package or the project it comes from.
TEXT
    chmod 644 "$folder/changelog.gz" "$folder/copyright"
}

# seal TREE: sums, and one date for everything.
seal() {
    (cd -- "$1" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z |
        xargs -0 md5sum) >"$1/DEBIAN/md5sums"
    chmod 644 "$1"/DEBIAN/{control,md5sums}
    [[ ! -f $1/DEBIAN/conffiles ]] || chmod 644 "$1/DEBIAN/conffiles"
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# make_package NAME TREE
make_package() {
    local name=$1 tree=$2 program bundle file
    program=$(field "$name" 2)
    bundle=/usr/lib/jessica/$name
    PACKAGE_ARCHITECTURE=$(architecture_of "$BIN/$program")
    [[ -z $ARCHITECTURE || $ARCHITECTURE == "$PACKAGE_ARCHITECTURE" ]] ||
        fail "$program is for $PACKAGE_ARCHITECTURE, not $ARCHITECTURE" "run this on a machine of that architecture"
    PACKAGE_VERSION=${VERSION:-$("$BIN/fleet-agent" version | awk '{ print $2 }')$BUILD}
    dpkg --validate-version "$PACKAGE_VERSION" >/dev/null 2>&1 || fail "\"$PACKAGE_VERSION\" is no version of a package"
    step "jessica-$name $PACKAGE_VERSION ($PACKAGE_ARCHITECTURE)"
    install -d -m 755 "$tree/DEBIAN" "$tree/usr/bin"
    make_bundle "$BIN/$program" "$tree$bundle"
    write_launcher "$tree/usr/bin/$program" "$bundle" "$program"
    [[ -z ${SERVICE_USER[$name]:-} ]] || add_service "$name" "$tree"
    [[ $name != jctl ]] || add_completions "$tree"
    add_manual "$name" "$tree"
    add_documents "$name" "$tree"
    PACKAGE_SIZE=$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
    fill "$PACKAGE_PARTS/$name/control" "$name" >"$tree/DEBIAN/control"
    # install -D makes folders by the umask.
    find "$tree" -type d -exec chmod 755 {} +
    seal "$tree"
    file=$OUT/jessica-${name}_${PACKAGE_VERSION}_$PACKAGE_ARCHITECTURE.deb
    # One thread: several would cut the file into other blocks.
    DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Z"$COMPRESSION" --build "$tree" "$file" >/dev/null
    say "$file"
}
