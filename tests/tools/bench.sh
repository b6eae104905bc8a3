#!/usr/bin/env bash
# bench.sh NAME: builds a benchmark with the release's options and runs it.
set -euo pipefail
. "$(dirname "$0")/step.sh"
cd "$root"

case ${1:-} in
client) ;;
*) die "which benchmark? client: small requests beside watches and a bulk stream" ;;
esac

tests/tools/build.sh release "$1_bench"
say "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
exec "build/bin/$1_bench"
