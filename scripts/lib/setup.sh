# shellcheck shell=bash disable=SC2034,SC2154 # the lists and run_command are for scripts that source this
# Sourced by the scripts that people run: installs what is missing on Debian 12 or 13, and builds.
#
#     . "$(dirname "$0")/lib/setup.sh"
#     packages=("${build_packages[@]}")
#     programs=(zcomet-broker zcomet-webnode)
#     run_command demo "$@"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The system's own tools come first: a python3 from elsewhere would not find Debian's packages.
PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH

# Packages for building: tools, then libraries in the order of meson.build.
build_packages=(
    meson ninja-build g++ pkg-config
    libzmq3-dev cppzmq-dev libcpp-httplib-dev libcli11-dev libspdlog-dev nlohmann-json3-dev
    libtomlplusplus-dev libabsl-dev libssl-dev catch2
    python3
)
# Further packages for the tests: pyzmq, curl, network namespaces, plots, tokens of others; a browser, in one suite.
test_packages=(python3-zmq curl iproute2 util-linux nftables libfaketime gnuplot-nox libbenchmark-dev strace)
test_packages+=(openssl python3-jwt python3-cryptography)
browser_packages=(chromium chromium-driver)
# Further packages for `scripts/demo --secure`.
secure_demo_packages=(iproute2 util-linux curl)
# Proxies, in one suite. Install them with install_without_services. The service of nginx is in nginx-common.
proxy_packages=(nginx nginx-common haproxy caddy apache2 varnish openssl)
# Clients of other people, in one suite. Others come from npm: fetch_npm_packages.
client_packages=(python3-aiohttp python3-httpx python3-requests)
# A server that a benchmark is compared with. Install it likewise.
nchan_packages=(nginx nginx-common libnginx-mod-nchan)
# Packages of a command that bring services; most have none.
packages_without_services=()
# Further packages for the sanitizer build. The name of clang's runtime library has the number of the
# release's clang.
case "$(. /etc/os-release && printf '%s' "${VERSION_ID-}")" in
12) sanitize_packages=(clang libclang-rt-14-dev) ;;
*) sanitize_packages=(clang libclang-rt-19-dev) ;;
esac
# python3-zmq has the types that the tests use.
lint_packages=(clang-format clang-tidy shellcheck black mypy python3-flake8 python3-zmq)

# Progress and errors go to standard error, so that a script's own output stays clean.
say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$(basename "$0"): $*"
    exit 1
}

# Prints those of the named packages that are not installed.
missing_packages() {
    local installed
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        sed -n 's/ installed$//p' || true)
    printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

# Runs a command, and prints its output only if it fails.
quietly() {
    local output
    if ! output=$("$@" 2>&1); then
        say "$output"
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# How long another program may use apt, such as the upgrades that a fresh machine starts by itself.
apt_wait_minutes=10

# Runs apt-get, and prints its output only if it fails. While another program holds one of apt's locks
# it says so once, and tries again each second. apt's own option DPkg::Lock::Timeout waits for the lock
# of dpkg, but not for those of the lists and of the downloads.
# usage: apt_get [ARGUMENT]...
apt_get() {
    local output deadline=$((SECONDS + 60 * apt_wait_minutes)) said=false
    # In English, so that the locks' messages are recognised.
    until output=$(as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get "$@" 2>&1); do
        if ! grep -qE 'Could not get lock|frontend lock' <<<"$output" || ((SECONDS >= deadline)); then
            say "$output"
            return 1
        fi
        if ! "$said"; then
            say "Waiting until apt is free, $apt_wait_minutes minutes at most: $(
                sed -nE '/Could not get lock|frontend lock/ { s/^E: //p; q }' <<<"$output"
            )"
            said=true
        fi
        sleep 1
    done
}

# Whether install_packages has installed anything.
installed_any=false

# Installs the missing ones of the named packages with apt.
install_packages() {
    command -v dpkg-query >/dev/null ||
        fail "this sets itself up on Debian 12 and 13 only; elsewhere, install the packages named in scripts/lib/setup.sh"
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "these packages are missing, and there is no sudo to install them with: ${missing[*]}"
    fi
    say "Installing ${missing[*]} …"
    apt_get update -qq || fail "apt-get update failed"
    apt_get install -y -qq --no-install-recommends "${missing[@]}" ||
        fail "apt-get could not install these packages (Debian 12 and 13 have them all): ${missing[*]}"
    installed_any=true
}

# Debian asks this program before a package starts a service (invoke-rc.d(8), deb-systemd-invoke(1p)).
service_policy=/usr/sbin/policy-rc.d

# Prints the units of systemd that the named packages have brought.
# usage: services_of PACKAGE...
services_of() {
    dpkg-query -L "$@" | sed -nE 's|^(/usr)?/lib/systemd/system/([^/@]+\.service)$|\2|p' | sort -u
}

# As install_packages, for packages that bring services. None of these starts, neither now nor when
# the host starts the next time. What was installed before stays as it is.
install_without_services() {
    local missing services status=0 is_ours=false
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ ! -e "$service_policy" ]; then
        is_ours=true
        printf '#!/bin/sh\nexit 101 # no service may start\n' |
            as_root install -m 755 /dev/stdin "$service_policy"
    fi
    "$service_policy" "${missing[0]}" start >/dev/null 2>&1 || status=$?
    [ "$status" -eq 101 ] || fail "$service_policy lets services start; please install these packages, which bring some, yourself: ${missing[*]}"
    (
        ! "$is_ours" || trap 'as_root rm -f "$service_policy"' EXIT
        install_packages "${missing[@]}"
    ) || exit 1
    if command -v systemctl >/dev/null; then
        mapfile -t services < <(services_of "${missing[@]}")
        [ "${#services[@]}" -eq 0 ] || quietly as_root systemctl disable "${services[@]}" ||
            fail "systemctl could not disable ${services[*]}"
    fi
}

# Fetches npm's packages for the suite clients into DIRECTORY/npm: exactly those whose hashes are in
# test/clients/package-lock.json. Where npm's registry cannot be reached it says so, and the tests that
# need them are skipped.
# usage: fetch_npm_packages DIRECTORY
fetch_npm_packages() {
    local from=$root/test/clients to=$1/npm
    # Node may be here from elsewhere, with an npm of its own.
    command -v npm >/dev/null || install_packages nodejs npm
    ! cmp -s "$from/package-lock.json" "$to/fetched" || return 0
    say "Fetching packages from npm …"
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to"
    if (cd "$to" && quietly timeout 180 npm ci --ignore-scripts --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=30000); then
        cp "$from/package-lock.json" "$to/fetched"
    else
        rm -rf "$to"
        say "Skipped: the clients that come from npm, which cannot be reached"
    fi
}

# Sets meson's options for a build directory, which need not exist. In a new one each library is
# compiled as one unit, which takes less than half the time.
# usage: configure_build DIR [MESON OPTION]...
configure_build() {
    local directory=$1
    shift
    if [ ! -f "$directory/build.ninja" ]; then
        quietly meson setup "$directory" "$root" -Dunity=on -Dunity_size=1000 "$@" ||
            fail "meson could not set up $directory"
    elif "$installed_any"; then
        # It may have been made without parts that want these packages.
        quietly meson setup --reconfigure "$directory" "$root" "$@" ||
            fail "meson could not set up $directory"
    elif [ "$#" -gt 0 ]; then
        quietly meson configure "$directory" "$@" || fail "meson could not configure $directory"
    fi
}

# Builds targets, or everything. A terminal shows ninja's one line of progress; elsewhere only a
# failure is shown.
# usage: build_targets DIR [TARGET]...
build_targets() {
    local directory=$1
    shift
    say "Building in ${directory#"$root"/} …"
    if [ -t 1 ]; then
        ninja -C "$directory" "$@" >&2 || fail "the build failed"
    else
        quietly ninja -C "$directory" "$@" || fail "the build failed"
    fi
}

# Replaces this script by a module of scripts/zcomet_lab, such as `demo`.
# usage: become MODULE [ARGUMENT]...
become() {
    export PYTHONPATH=$root/scripts PYTHONDONTWRITEBYTECODE=1
    exec python3 -m "zcomet_lab.$1" "${@:2}"
}

# Runs a command: installs `packages`, and `packages_without_services` as that function does, and
# builds `programs` (arrays that the caller sets), and becomes a module with the caller's arguments.
# Without programs nothing is built. With --help, or with --page, which only writes a page again,
# nothing is installed or built.
# usage: run_command MODULE "$@"
run_command() {
    local module=$1 targets
    shift
    case "${1-}" in
    -h | --help | --page) become "$module" "$1" ;;
    esac
    if [ "${#packages[@]}" -gt 0 ]; then
        install_packages "${packages[@]}"
    fi
    if [ "${#packages_without_services[@]}" -gt 0 ]; then
        install_without_services "${packages_without_services[@]}"
    fi
    if [ "${#programs[@]}" -gt 0 ]; then
        targets=$(become programs "${programs[@]}") || fail "not all programs are known: ${programs[*]}"
        configure_build "$root/build"
        # shellcheck disable=SC2086 # a word for each target
        build_targets "$root/build" $targets
        set -- --build "$root/build" "$@"
    fi
    become "$module" "$@"
}
