#!/usr/bin/env bash
# bench.sh NAME...: builds benchmarks with the release's options and runs them.
set -euo pipefail
. "$(dirname "$0")/step.sh"
cd "$root"

if [ "${1:-}" = client ]; then
    tests/tools/build.sh release client_bench
    say "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
    exec build/bin/client_bench
fi
if [ "${1:-}" = tasks ]; then
    say "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
    exec /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/app/tests/bench_tasks.py
fi
case " $* " in
*" requests "* | *" waves "* | *" burst "* | *" standing "*)
    tests/tools/build.sh release entityservice-operator bench_tool pass_bench
    ;;
esac
exec /usr/bin/python3 tests/benchmarks/bench.py "$@"
