# shellcheck shell=bash disable=SC2154 # scripts/test sets root, directory, lints and base
# Sourced by scripts/test for --lint: looks at the sources. Nothing is built; the build directory is
# for the commands by which meson would compile them, one by one.

# How long clang-tidy may look at what changed: in continuous integration, in which all else takes
# longer.
tidy_seconds_max=300

# Whether clang-format and clang-tidy are those of Debian 12. Another version formats in another way
# and knows other checks, so the sources are held to this one.
has_clang_14() {
    clang-format --version | grep -q 'version 14\.' || {
        say "Skipped: formatting and clang-tidy are checked with version 14 only (Debian 12)"
        return 1
    }
}

lint_format() {
    has_clang_14 || return 0
    git -C "$root" ls-files '*.cpp' '*.hpp' | (cd "$root" && xargs clang-format --dry-run -Werror)
}

# Prints the sources that are built, and writes their compile commands to $directory/lint.
built_sources() (
    become lint_commands "$root" "$directory"
)

# One clang-tidy for each source that is built, as many at once as there are cores.
lint_tidy() {
    has_clang_14 || return 0
    (cd "$root" && built_sources |
        xargs -P "$(nproc)" -n 1 clang-tidy -p "$directory/lint" --quiet 2>/dev/null)
}

# The commit that --base names, or the one that --help says.
base_commit() {
    local fork
    if [ -n "$base" ]; then
        git -C "$root" rev-parse --verify --quiet "$base^{commit}" || fail "there is no commit $base"
        return
    fi
    fork=$(git -C "$root" merge-base HEAD origin/main 2>/dev/null || true)
    if [ -z "$fork" ] || [ "$fork" = "$(git -C "$root" rev-parse HEAD)" ]; then
        fork=$(git -C "$root" rev-parse --verify --quiet HEAD~1) || {
            say "Skipped: clang-tidy of what changed, since no earlier commit is here"
            return
        }
    fi
    printf '%s\n' "$fork"
}

# Prints the sources that show what changed since a commit.
# usage: sources_to_check COMMIT
sources_to_check() {
    {
        built_sources && echo &&
            git -C "$root" diff --name-only --diff-filter=d "$1" -- '*.cpp' '*.hpp'
    } | become changed_sources "$root"
}

# clang-tidy of one source, unless the time is over.
# usage: tidy_until DEADLINE DIRECTORY SOURCE
tidy_until() {
    local left=$(($1 - $(date +%s))) status=0
    if [ "$left" -gt 0 ]; then
        timeout "$left" clang-tidy -p "$2" --quiet "$3" 2>/dev/null || status=$?
    fi
    if [ "$left" -le 0 ] || [ "$status" -eq 124 ]; then
        printf 'left out, since the time was over: %s\n' "$3"
        status=0
    fi
    return "$status"
}

# clang-tidy of what changed, within a time.
lint_changed() {
    has_clang_14 || return 0
    local commit sources
    commit=$(base_commit) || return
    [ -n "$commit" ] || return 0
    sources=$(sources_to_check "$commit") || return
    if [ -n "$sources" ]; then
        export -f tidy_until
        (cd "$root" && printf '%s\n' "$sources" | xargs -P "$(nproc)" -n 1 bash -c 'tidy_until "$@"' tidy \
            "$(($(date +%s) + tidy_seconds_max))" "$directory/lint")
    fi
}

lint_scripts() {
    git -C "$root" grep -lE '^#!.*bash|^# shellcheck shell' | (cd "$root" && xargs shellcheck -x -P .)
}

# Settings are in pyproject.toml and .flake8. Each of the three looks at all files.
lint_python() (
    cd "$root" || return
    status=0
    black --check --quiet --diff scripts/zcomet_lab test || status=1
    python3 -m flake8 scripts/zcomet_lab test || status=1
    mypy --no-error-summary --cache-dir "$directory/mypy" || status=1
    return "$status"
)

run_lint() {
    local status=0
    install_packages "${build_packages[@]}" "${lint_packages[@]}" git
    configure_build "$directory" -Dunity=off
    for check in "${lints[@]}"; do
        say "Checking: $check …"
        "lint_$check" || status=1
    done
    exit "$status"
}
