#!/usr/bin/env bash
# fuzz.sh NAME... [--seconds N]: libFuzzer on the entries of tests/fuzz, one after the other.
# What it finds lies in build/fuzz/found; new inputs are kept in build/fuzz/corpus/NAME.
# fuzz.sh faults [--seconds N] [--seed N]: random runs of the whole operator under faults, until one
# comes to another outcome; its shrunk script is printed with the arguments that replay it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/step.sh"
cd "$root"

if [ "${1:-}" = faults ]; then
    "$here/build.sh" asan faults_fuzz
    exec nice -n 19 build/asan/bin/faults_fuzz "${@:2}"
fi
seconds=60 names=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2:?--seconds needs a number} && shift 2 ;;
    *) names+=("$1") && shift ;;
    esac
done
mapfile -t known < <(cd tests/fuzz/corpus && printf '%s\n' *)
if [ ${#names[@]} -eq 0 ]; then
    printf '%s\n' "${known[@]}" faults
    exit 0
fi
[ "${names[*]}" != all ] || names=("${known[@]}")
for name in "${names[@]}"; do
    [ -d "tests/fuzz/corpus/$name" ] || die "no entry $name; there are: ${known[*]}"
done

# GCC 12 has no libFuzzer. 600 MB that nothing else needs, so ./dev setup leaves them out.
"$here/setup.sh" clang-14 libclang-rt-14-dev
"$here/build.sh" fuzz "${names[@]/#/fuzz_}"

found=build/fuzz/found failed=0
mkdir -p "$found"
for name in "${names[@]}"; do
    kept=build/fuzz/corpus/$name log=$logs/fuzz-$name.log
    mkdir -p "$kept"
    say "fuzzing $name for $seconds s ..."
    # abort_on_error: libFuzzer keeps the input of what ends by a signal. Leaks are those of tests.
    if ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        nice -n 19 "build/fuzz/bin/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$found/$name-" "$kept" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1; then
        say "$name: nothing found in $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        say "$name: FOUND, see $log and $found; add the input to tests/fuzz/corpus/$name"
        failed=1
    fi
done
exit "$failed"
