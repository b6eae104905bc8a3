#!/usr/bin/env bash
# lint.sh [--tidy[=all]]: formatting and static checks of everything that is tracked; changes nothing.
# clang-tidy takes a quarter of a minute a file, so it is asked for, and looks at what differs from main.
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
check documents "/usr/bin/python3 tests/tools/check_documents.py" README.md 'docs/*.md'
check python "/usr/bin/python3 tests/tools/check_python.py" '*.py'

tidy() {
    local files
    "$root/tests/tools/setup.sh" clang-tidy-14 || return
    mapfile -t files < <({ if [ "$1" = --tidy=all ]; then git ls-files; else git diff --name-only --diff-filter=d main; fi; } |
        grep -E '^(crds|k8s-client|operator|reconcilers)/.*\.cpp$')
    [ ${#files[@]} -gt 0 ] || { say "clang-tidy: no file differs from main" && return; }
    # It reads how each file is compiled, but not GCC's precompiled headers; nothing need be compiled.
    step configure-tidy "configuring clang-tidy" cmake --preset dev -B build/tidy \
        -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON || return
    # Options of GCC alone are unknown to it.
    printf '%s\n' "${files[@]}" |
        xargs -n 4 -P "$(nproc)" clang-tidy-14 --quiet -p build/tidy --extra-arg=-Wno-unknown-warning-option \
            2> >(grep -v 'warnings generated' >&2) &&
        say "clang-tidy: ${#files[@]} files, fine"
}
case ${1:-} in
'') ;;
--tidy | --tidy=all) tidy "$1" || failed=1 ;;
*) die "unknown option $1; there are --tidy and --tidy=all" ;;
esac
exit "$failed"
