#!/bin/bash
# Stands in for the entrypoint of the official Postgres image, which Debian's package lacks: makes
# the database where there is none, with the same variables and scripts, then runs the server. Under
# the name docker-ensure-initdb.sh it ends when the database is there.
set -Eeuo pipefail

password() {
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then cat "$POSTGRES_PASSWORD_FILE"; else printf %s "$POSTGRES_PASSWORD"; fi
}

run_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*.sh; do
        # shellcheck source=/dev/null
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
    done
}

make_database() {
    export POSTGRES_USER=${POSTGRES_USER:-postgres} PGPASSWORD
    PGPASSWORD=$(password)
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    # shellcheck disable=SC2086 # a list of options
    initdb --username="$POSTGRES_USER" --pwfile=<(password) ${POSTGRES_INITDB_ARGS:-}
    # only on the socket: nobody may take this server for the final one
    pg_ctl -D "$PGDATA" -w start -o "$(printf '%q ' "$@" -c listen_addresses= -p 5432)"
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

[ "$1" = postgres ]
if [ ! -s "$PGDATA/PG_VERSION" ]; then make_database "${@:2}"; fi
if [ "$(basename "$0")" = docker-entrypoint.sh ]; then exec "$@"; fi
