#!/usr/bin/env bash
# build.sh [PRESET]: configures and compiles by a preset of CMakePresets.json.
set -euo pipefail
. "$(dirname "$0")/step.sh"
cd "$root"

preset=${1:-release}
case $preset in
release) directory=build ;;
dev | asan | tsan) directory=build/$preset ;;
*) die "unknown preset $preset; there are release, dev, asan, tsan" ;;
esac

step "configure-$preset" "configuring $preset" cmake --preset "$preset"
# The release is the program; the other presets are for the tests, too.
[ "$preset" = release ] && target=entityservice-operator || target=all
step "build-$preset" "compiling $preset" cmake --build --preset "$preset" --target "$target"
say "programs are in $directory/bin"
