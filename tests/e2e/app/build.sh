#!/usr/bin/env bash
# Builds the contract application into the cache and prints its folder, which works anywhere:
#   bin/  celery, gunicorn, alembic and python that see the packages
#   lib/  the packages, entityservice among them
#   www/  the working directory: alembic.ini and the migrations
# With --path it only prints.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/cache.sh"

python=/usr/bin/python3
inputs=(build.sh requirements.txt run entityservice www)

files() {
    find "${inputs[@]}" -type f ! -name "*.pyc" -print0 | sort -z
}

key=$(cd "$here" && { files | tr '\0' '\n' && files | xargs -0 cat && $python --version; } |
    sha256sum | cut -c1-12)
kept=$cache/programs/contract-app-$key

# compile ROOT FOLDER: what is compiled holds neither a time nor this machine's path.
compile() {
    $python -m compileall -q --invalidation-mode unchecked-hash -s "$1" "$2"
}

install_packages() {
    $python -m pip --disable-pip-version-check --no-cache-dir install --quiet --no-deps \
        --require-hashes --only-binary :all: --no-compile --root-user-action ignore \
        --target "$1" --requirement "$here/requirements.txt" || return
    # Its programs name this machine's interpreter, ours are in bin/; nobody runs numpy's tests here.
    rm -rf "${1:?}/bin"
    find "$1" -name tests -path "*/numpy/*" -prune -exec rm -rf {} +
    find "$1" -name RECORD -path "*.dist-info/*" -delete
    # Templates and code for other Pythons do not compile, and are never imported.
    compile "$1" "$1" || true
}

# The packages are kept apart from our own source, which changes far more often.
packages=$cache/programs/contract-app-packages-$(
    { cat "$here/requirements.txt" && declare -f install_packages compile && $python --version; } |
        sha256sum | cut -c1-12
)

assemble() {
    mkdir "$1/bin" &&
        cp -al "$packages" "$1/lib" &&
        cp -r "$here/entityservice" "$1/lib/" &&
        cp -r "$here/www" "$1/" &&
        install -m 755 "$here/run" "$1/bin/python" || return
    find "$1/lib/entityservice" "$1/www" -name __pycache__ -prune -exec rm -rf {} +
    compile "$1" "$1/lib/entityservice" || return
    local program
    for program in celery gunicorn alembic; do ln -s python "$1/bin/$program"; done
}

if [ "${1:-}" != --path ]; then
    once "$packages" contract-app-packages install_packages
    once "$kept" contract-app assemble
fi
printf '%s\n' "$kept"
