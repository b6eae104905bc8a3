#!/usr/bin/env bash
# Builds the object store's server (minio) and client (mc) into the cache and prints their folder.
# With --path it only prints.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tools/go-program.sh"

store=(object-store "$here" "-s -w" ./minio ./mc)
[ "${1:-}" = --path ] || build_program "${store[@]}"
program_dir "${store[@]}"
