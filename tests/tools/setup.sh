#!/usr/bin/env bash
# setup.sh [PACKAGE...]: installs what building and testing need, Debian packages, and Go when there is
# none new enough; and the packages that only some other command needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/step.sh"
. "$here/../control-plane/versions.env"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Servers come for tests only, which start their own: no daemon may start, no database be created.
without_daemons() {
    local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf
    local ours=() status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        ours+=("$policy")
    fi
    if [ ! -e "$cluster" ]; then
        as_root mkdir -p "${cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
        # Kept: a later upgrade of the package must not create one either.
    fi
    "$@" || status=$?
    [ ${#ours[@]} -eq 0 ] || as_root rm -f "${ours[@]}"
    return "$status"
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
        -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold "$@"
}

install_packages() { without_daemons apt install --no-install-recommends "$@"; }

missing=()
while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    installed "$package" || missing+=("$package")
done <"$here/packages.txt"
for package in "$@"; do
    installed "$package" || missing+=("$package")
done

go_is_new_enough() {
    case $(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) in
    go1.2[6-9]* | go1.[3-9][0-9]*) ;;
    *) return 1 ;;
    esac
}

needs_go=
if ! go_is_new_enough go && ! go_is_new_enough "$cache/go/bin/go"; then
    needs_go=yes
    command -v go >/dev/null || missing+=(golang-go)
fi

if [ ${#missing[@]} -gt 0 ]; then
    say "missing packages: ${missing[*]}"
    step apt-update "updating the package lists" apt update
    step apt-install "installing ${#missing[@]} packages" install_packages "${missing[@]}"
fi

# Debian's Go is too old to build the control plane but can fetch Go's official toolchain, which is
# published as a module. Modules carry no execute bits.
fetch_go() {
    local module=golang.org/toolchain version source fresh
    version=v0.0.1-go$GO_VERSION.linux-$(dpkg --print-architecture)
    source=$(cd / && GOFLAGS=-mod=mod go mod download -json "$module@$version" |
        sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
    [ -d "$source" ]
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/go.new.XXXXXX")
    cp -r "$source/." "$fresh/"
    chmod -R u+w "$fresh"
    chmod 755 "$fresh" "$fresh"/bin/* "$fresh"/pkg/tool/*/*
    rm -rf "$cache/go"
    mv -T "$fresh" "$cache/go"
}
[ -z "$needs_go" ] || step go-toolchain "fetching Go $GO_VERSION" fetch_go
