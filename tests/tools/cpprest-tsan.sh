#!/usr/bin/env bash
# Builds cpprestsdk with the thread sanitizer from Debian's source of the installed version, into
# the cache, and prints the library's path. Without it the sanitizer does not see the locks that
# the installed library takes, and reports races that are none.
set -euo pipefail
. "$(dirname "$0")/step.sh"

version=$(dpkg-query -W -f '${source:Version}' libcpprest-dev)
kept=$cache/programs/cpprest-tsan-$version-$(g++ -dumpfullversion)
library=$kept/libcpprest.so.2.10

# The installed package's archive, as deb-src, in a list of its own: the system's stay as they are.
fetch() {
    local work=$1 archive suite
    read -r archive suite < <(apt-cache policy libcpprest-dev |
        awk '$1 ~ /^[0-9]+$/ && $2 ~ /^http/ { sub("/.*", "", $3); print $2, $3; exit }')
    [ -n "${suite:-}" ] || die "apt names no archive for libcpprest-dev"
    mkdir -p "$work/lists/partial" "$work/parts"
    local signed=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb-src [signed-by=$signed] $archive $suite main" >"$work/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/parts"
        -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" -q update
    (cd "$work" && apt-get "${options[@]}" -q source --download-only "cpprest=$version")
    dpkg-source -x "$work"/cpprest_*.dsc "$work/source"
}

compile() {
    local work=$1
    cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_CXX_FLAGS="-fsanitize=thread -O1 -g1 -Wno-tsan" -DCMAKE_CXX_FLAGS_DEBUG= \
        -DBUILD_TESTS=OFF -DBUILD_SAMPLES=OFF -DWERROR=OFF \
        -DCPPREST_EXCLUDE_WEBSOCKETS=ON -DCPPREST_EXCLUDE_BROTLI=ON
    cmake --build "$work/build" --target cpprest -- -j2
}

build() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    step cpprest-source "fetching Debian's source of cpprestsdk $version" fetch "$work"
    step cpprest-tsan "compiling cpprestsdk with the thread sanitizer" compile "$work"
    rm -rf "$kept"
    mkdir -p "$kept"
    cp "$(find "$work/build" -name libcpprest.so.2.10 | head -n 1)" "$kept/new"
    ln -sfn libcpprest.so.2.10 "$kept/libcpprest.so"
    mv "$kept/new" "$library"
}

if [ ! -e "$library" ]; then
    mkdir -p "$cache/programs"
    exec 9>"$cache/programs/cpprest-tsan.lock"
    flock 9
    [ -e "$library" ] || build
fi
printf '%s\n' "$library"
