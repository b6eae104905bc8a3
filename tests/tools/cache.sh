# shellcheck shell=bash
# Sourced. What is made once for each set of inputs, however many clones there are.
. "$(dirname "${BASH_SOURCE[0]}")/step.sh"

# once FOLDER NAME COMMAND...: the command fills a new folder, its last argument, which becomes FOLDER.
# A function may be the command, and ends where one of its commands fails: not in `if`, `&&` or `||`.
once() {
    local folder=$1 name=$2
    shift 2
    [ ! -d "$folder" ] || return 0
    mkdir -p "$cache/programs"
    (
        # Two clones must not make the same thing at once on a small machine.
        exec 9>"$cache/programs/$name.lock"
        flock -n 9 || { say "$name: another build is under way, waiting for it"; flock 9; }
        [ ! -d "$folder" ] || exit 0
        rm -rf "$cache/programs/$name".new.*
        fresh=$(mktemp -d "$cache/programs/$name.new.XXXXXX")
        chmod 755 "$fresh"
        step "$name" "building $name" "$@" "$fresh" 9>&-
        mv "$fresh" "$folder"
    )
}

# link_parts PART... FOLDER: links to all that is in the parts, which lie beside the folder.
link_parts() {
    local folder=${!#} part program
    for part in "${@:1:$#-1}"; do
        for program in "$part"/*; do ln -s "../${part##*/}/${program##*/}" "$folder/"; done
    done
}
