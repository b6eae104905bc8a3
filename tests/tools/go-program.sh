# shellcheck shell=bash
# Sourced. Builds programs from a Go module of this repository into the cache.
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# Go as `setup` leaves it: the one in PATH when it is new enough, else the one in the cache.
use_go() {
    local kept=$cache/go/bin version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || version=
    case $version in
    go1.2[6-9]* | go1.[3-9][0-9]*) ;;
    *)
        [ -x "$kept/go" ] || die "Go 1.26 or newer is missing; run ./dev setup"
        PATH=$kept:$PATH
        ;;
    esac
    export PATH CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS="-trimpath -buildvcs=false"
}

# program_dir NAME MODULE_DIR LDFLAGS PACKAGE...: where the programs of these inputs are kept.
program_dir() {
    local name=$1 module=$2
    shift 2
    local key
    key=$({ cat "$module"/go.mod "$module"/go.sum &&
        find "$module" -name "*.go" -print0 | sort -z | xargs -0 cat && printf '%s\n' "$@"; } |
        sha256sum | cut -c1-12)
    printf '%s\n' "$cache/programs/$name-$key"
}

# go_build MODULE_DIR LDFLAGS PACKAGE... FOLDER
# Every LDFLAGS strips debugging information (-s -w), so that none need be made.
go_build() {
    local module=$1 ldflags=$2
    shift 2
    use_go
    go -C "$module" build -gcflags=all=-dwarf=false -ldflags "$ldflags" -o "${!#}/" "${@:1:$#-1}"
}

# build_program NAME MODULE_DIR LDFLAGS PACKAGE...
build_program() {
    local name=$1
    once "$(program_dir "$@")" "$name" go_build "${@:2}"
}
