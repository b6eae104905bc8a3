#!/usr/bin/env bash
# Formatting and static checks of everything that is tracked; changes nothing.
set -uo pipefail
. "$(dirname "$0")/step.sh"
cd "$root" || exit

failed=0
# check NAME COMMAND [PATTERN...]: runs the command over the tracked files that match.
check() {
    local name=$1 command=$2 files
    shift 2
    mapfile -d '' files < <(git ls-files -z -- "$@" | while IFS= read -r -d '' file; do
        [ ! -f "$file" ] || printf '%s\0' "$file"
    done)
    [ ${#files[@]} -gt 0 ] || return 0
    if $command "${files[@]}"; then
        say "$name: ${#files[@]} files, fine"
    else
        say "$name: failed"
        failed=1
    fi
}

check clang-format "clang-format --dry-run -Werror" '*.cpp' '*.h'
check shellcheck "shellcheck -x -P SCRIPTDIR" '*.sh' dev .ci/run
check yamllint "yamllint -s" '*.yaml' '*.yml'
check python "/usr/bin/python3 tests/tools/check_python.py" '*.py'
exit "$failed"
