# Completion of the programs' options and commands, for bash. It asks the program itself (--help), so it
# knows what that release knows.
# shellcheck shell=bash

_zcomet() {
    local program=$1 word=$2 help commands command i
    help=$("$program" --help 2>/dev/null) || return
    commands=$(sed -n '/^Subcommands:/,$ s/^  \([a-z]*\)  .*/\1/p' <<<"$help")
    for ((i = 1; i < COMP_CWORD; ++i)); do
        if grep -qxF -- "${COMP_WORDS[i]}" <<<"$commands"; then
            command=${COMP_WORDS[i]}
            help+=$'\n'$("$program" "$command" --help 2>/dev/null)
            commands=
            break
        fi
    done
    case "$word" in
    -*) mapfile -t COMPREPLY < <(compgen -W "$(grep -oE '^  (-.,)?--[a-z-]+' <<<"$help" | grep -oE -- '--.*')" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
    esac
}

# Where it has nothing to say, bash completes names of files.
complete -o default -F _zcomet zcomet-broker zcomet-ctl zcomet-floodtest zcomet-memlog zcomet-msggen zcomet-webnode
