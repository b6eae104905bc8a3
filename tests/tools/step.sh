# shellcheck shell=bash
# Sourced. Where things are kept, and long steps that say what they do and for how long.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # for those who source this
cache=${XDG_CACHE_HOME:-$HOME/.cache}/entityservice-operator
logs=$root/build/logs

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# step NAME DESCRIPTION COMMAND...: the command's output goes to a log, which is shown if it fails.
step() {
    local description=$2 began=$SECONDS log=$logs/$1.log every=20 status=0 child end=$'\n'
    local former=${!:-}
    shift 2
    mkdir -p "$logs"
    if [ -t 2 ]; then every=1 end=$'\r'; else say "$description ..."; fi
    # $! is the step's from the moment in which it is there, $child is not.
    trap '[ "${!:-}" = "$former" ] || kill -- "-$!" 2>/dev/null; exit 130' INT TERM
    set -m  # a process group of its own, so that an interrupt ends all of it
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    set +m
    # The short naps keep a quick step quick; the line itself comes every $every seconds.
    local told=$SECONDS
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        if [ $((SECONDS - told)) -ge "$every" ]; then
            told=$SECONDS
            printf '%s ... %d s%s' "$description" $((SECONDS - began)) "$end" >&2
        fi
    done
    wait "$child" || status=$?
    trap - INT TERM
    if [ "$status" -ne 0 ]; then
        say "$description: failed after $((SECONDS - began)) s, exit status $status. The end of $log:"
        tail -n 40 "$log" >&2
        return "$status"
    fi
    say "$description: done in $((SECONDS - began)) s"
}
