#!/usr/bin/env bash
# curl, which knows nothing of events: a loop reads its lines, and hands the last cursor back.
# usage: curl.sh URL
set -u

url=$1
cursor=

# Prints an event as JSON.
# usage: show EVENT DATA
show() {
    python3 -c 'import json, sys; print(json.dumps({"event": sys.argv[1], "data": sys.argv[2]}))' "$@"
}

while true; do
    event=message data=
    while IFS= read -r line; do
        case $line in
        "id: "*) cursor=${line#id: } ;;
        "event: "*) event=${line#event: } ;;
        "data: "*) data+=${line#data: }$'\n' ;;
        "")
            if [ -n "$data" ] && [ "$event" != position ]; then
                show "$event" "${data%$'\n'}"
            fi
            event=message data=
            ;;
        esac
    done < <(curl -sN ${cursor:+-H "Last-Event-ID: $cursor"} "$url")
    sleep 1
done
