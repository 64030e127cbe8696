# shellcheck shell=bash
# Sourced by scripts/test for --distribution: runs the tests in a root directory of another release
# of Debian.
#
# build-RELEASE/root is that root. mmdebstrap makes it on the first run; later runs use it again,
# with the packages that are installed in it by then. build-RELEASE/build is mounted where the run
# in the root has its build directory. To start anew, remove build-RELEASE.

# Prints a line of sources.list for each archive of a release. The mirrors are those that this
# host's apt uses for its own release. On a host without Debian it prints nothing, and mmdebstrap
# takes Debian's own mirror.
# usage: apt_sources RELEASE
apt_sources() {
    local release=$1 own uri archive component origin
    own=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
    # shellcheck disable=SC2016 # apt's variables, not the shell's
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' \
        'Created-By: Packages' | sort -u |
        while read -r uri archive component origin; do
            case "$origin $component $archive" in
            "Debian main $own" | "Debian main $own-updates" | "Debian main $own-security")
                printf 'deb %s %s main\n' "$uri" "$release${archive#"$own"}"
                ;;
            esac
        done
}

# Prints those settings of this host's apt without which downloads may fail, such as a proxy. A
# program that finds a proxy is left out: the root does not have it.
apt_settings() {
    apt-config dump Acquire::http Acquire::https Acquire::Retries Acquire::Check-Valid-Until \
        Acquire::Check-Date | grep -vi 'auto-\?detect' || true
}

# usage: make_root RELEASE FOLDER
make_root() {
    local release=$1 folder=$2 sources settings
    say "Making a root of Debian $release in ${folder#"$root"/} …"
    mapfile -t sources < <(apt_sources "$release")
    if [ "${#sources[@]}" -eq 0 ]; then # apt may have no lists yet
        apt_get update -qq || fail "apt-get update failed"
        mapfile -t sources < <(apt_sources "$release")
    fi
    mapfile -t settings < <(apt_settings)
    rm -rf "$folder.new"
    quietly mmdebstrap --variant=minbase "${settings[@]/#/--aptopt=}" "$release" "$folder.new" \
        "${sources[@]}" || fail "mmdebstrap could not make a root of Debian $release"
    mv "$folder.new" "$folder"
}

# Runs a command in a root that has the source tree at /zcomet, for reading only, and in it a build
# directory for writing. It is called in a mount namespace of its own, so the mounts end with its
# processes.
# usage: run_in_root ROOT SOURCE_TREE BUILD_DIRECTORY NAME_OF_BUILD_DIRECTORY COMMAND...
run_in_root() {
    local folder=$1
    mkdir -p "$folder/zcomet"
    mount --bind "$2" "$folder/zcomet"
    mount -o remount,bind,ro "$folder/zcomet"
    mount --bind "$3" "$folder/zcomet/$4"
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount --rbind /sys "$folder/sys"
    mount -t tmpfs tmpfs "$folder/tmp"
    mount -t tmpfs tmpfs "$folder/run"
    shift 4
    chroot "$folder" env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LANG=C.UTF-8 "$@"
}

# Runs scripts/test in a root of the release; returns its status. When this script ends, all processes
# in the root end, too. Only root can do this.
# usage: test_in_root RELEASE NAME_OF_BUILD_DIRECTORY [OPTION OF scripts/test]...
test_in_root() {
    local release=$1 name=$2 folder=$root/build-$1 environment=() variable
    shift 2
    install_packages mmdebstrap
    mkdir -p "$folder/$name" "$root/$name"
    [ -d "$folder/root" ] || make_root "$release" "$folder/root"
    cat /etc/resolv.conf >"$folder/root/etc/resolv.conf"
    for variable in TERM http_proxy https_proxy no_proxy; do
        [ -z "${!variable-}" ] || environment+=("$variable=${!variable}")
    done
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
        bash -euc "$(declare -f run_in_root); run_in_root \"\$@\"" bash \
        "$folder/root" "$root" "$folder/$name" "$name" \
        "${environment[@]}" /zcomet/scripts/test "$@"
}
