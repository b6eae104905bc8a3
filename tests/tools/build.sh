#!/usr/bin/env bash
# build.sh [PRESET [TARGET...]]: configures and compiles by a preset of CMakePresets.json.
set -euo pipefail
. "$(dirname "$0")/step.sh"
cd "$root"

preset=${1:-release}
case $preset in
release) directory=build ;;
dev | asan | tsan | fuzz) directory=build/$preset ;;
*) die "unknown preset $preset; there are release, dev, asan, tsan, fuzz" ;;
esac

options=()
if [ "$preset" = tsan ]; then
    library=$(tests/tools/cpprest-tsan.sh)
    options=("-DCPPREST_LIBRARY=$library")
fi
step "configure-$preset" "configuring $preset" cmake --preset "$preset" "${options[@]}"
# The release is the program; the other presets are for the tests, too.
usual=all targets=("${@:2}")
[ "$preset" != release ] || usual=entityservice-operator
[ ${#targets[@]} -gt 0 ] || targets=("$usual")
step "build-$preset" "compiling $preset" cmake --build --preset "$preset" --target "${targets[@]}"
say "programs are in $directory/bin"
