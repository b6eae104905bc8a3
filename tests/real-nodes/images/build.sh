#!/usr/bin/env bash
# build.sh [--path]: makes the images of real nodes, and prints the folder of a containerd that has them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/go-program.sh"
dns=(coredns "$here/../coredns" "-s -w" .)
application=$here/../../e2e/app/build.sh
# What the images need of Debian.
services=(ca-certificates libpq5 nginx-light postgresql-15 python3 redis-sentinel redis-server tini)

# services_root FILE: a Debian root with them. The same packages give the same bytes.
services_root() {
    # shellcheck disable=SC2016 # $1 is mmdebstrap's
    SOURCE_DATE_EPOCH=0 mmdebstrap --quiet --variant=minbase --include="$(IFS=, && echo "${services[*]}")" \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --setup-hook='mkdir -p "$1/usr/sbin" "$1/etc/postgresql-common"
            printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"
            chmod 755 "$1/usr/sbin/policy-rc.d"
            echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
        bookworm "$1"
}

key=$({ program_dir "${dns[@]}" && find "$here" -maxdepth 1 -type f -print0 | sort -z | xargs -0 cat &&
    cat "$here/../../tools/oci.py" && "$here/../../object-store/build.sh" --path &&
    "$application" --path; } | sha256sum | cut -c1-12)
kept=$cache/programs/node-images-$key
if [ "${1:-}" != --path ] && [ ! -d "$kept" ]; then
    build_program "${dns[@]}"
    store=$("$here/../../object-store/build.sh")
    app=$("$application")
    fresh=$(mktemp -d "$cache/programs/node-images.new.XXXXXX")
    chmod 755 "$fresh"
    step services "making a Debian root with the services" services_root "$fresh/services.tar"
    step images "making the images of real nodes" /usr/bin/python3 "$here/build.py" \
        "$fresh/services.tar" "$store" "$(program_dir "${dns[@]}")" "$app" "$fresh"
    step seed "unpacking the images of real nodes" "$here/seed.sh" "$fresh/images.tar" "$fresh/containerd"
    rm "$fresh/services.tar" "$fresh/images.tar"
    mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh"
fi
printf '%s\n' "$kept/containerd"
