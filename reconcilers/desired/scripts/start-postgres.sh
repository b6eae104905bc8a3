#!/bin/sh
# The image's entrypoint takes a directory with PG_VERSION for a whole database, also after a crash
# in the middle of its first initialisation. So it is made beside its place and renamed when whole.
set -eu
# shellcheck source-path=SCRIPTDIR source=volume-lib.sh
. "${0%/*}/volume-lib.sh"

trap 'exit 0' TERM INT # no server runs yet; process 1 would ignore them
own_volume "${PGDATA%/*/*}" postgres
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  PGDATA=$PGDATA.new docker-ensure-initdb.sh "$@"
  sync
  if [ -d "$PGDATA" ]; then rmdir "$PGDATA"; fi
  mv "$PGDATA.new" "$PGDATA"
fi
exec docker-entrypoint.sh "$@"
