#!/usr/bin/env bash
# build.sh: makes the images of real nodes, and prints the folder of a containerd that has them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/go-program.sh"
dns=(coredns "$here/../coredns" "-s -w" .)
application=$here/../../e2e/app/build.sh
# What the images need of Debian.
services=(ca-certificates libpq5 nginx-light postgresql-15 python3 redis-sentinel redis-server tini)

# services_root FOLDER: a Debian root with them, services.tar. The same packages give the same bytes.
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
        bookworm "$1/services.tar"
}

# images FOLDER
images() {
    /usr/bin/python3 "$here/build.py" "$debian/services.tar" "$store" "$(program_dir "${dns[@]}")" "$app" "$1"
    "$here/seed.sh" "$1/images.tar" "$1/containerd"
    rm "$1/images.tar"
}

key_of() { sha256sum | cut -c1-12; }

build_program "${dns[@]}"
store=$("$here/../../object-store/build.sh")
app=$("$application")
# The application changes far more often than Debian.
debian=$cache/programs/services-root-$({ declare -f services_root && echo "${services[*]}"; } | key_of)
once "$debian" services-root services_root
parts=("$debian" "$store" "$(program_dir "${dns[@]}")" "$app")
kept=$cache/programs/node-images-$({ printf '%s\n' "${parts[@]##*/}" &&
    cat "$here"/{build.py,seed.sh,pause.c} "$here/../../tools/oci.py" \
        "$here"/../../configuration/image/*; } | key_of)
once "$kept" node-images images
printf '%s\n' "$kept/containerd"
