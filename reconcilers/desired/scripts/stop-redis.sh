#!/bin/sh
# Before a master stops: hand over, so that clients wait for a second instead of for a failover.
# Writes are paused meanwhile, and this server turns into a replica at once: none is taken by two
# masters. A pause also stops what Sentinel publishes here, so it must be shorter than its patience;
# no shorter than need be, because what is written after it and before the end would be lost.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
trap 'redis_cli 127.0.0.1 CLIENT UNPAUSE >"$run/stop"' EXIT

[ "$(redis_cli 127.0.0.1 ROLE | head -n 1)" = master ] || exit 0
ask stop || exit 0
[ "$master" = "$me" ] || exit 0
redis_cli 127.0.0.1 CLIENT PAUSE $((down_after_ms * 9 / 10)) WRITE >"$run/stop"
accepted=''
for peer in $(peers); do
  case $(sentinel_cli "$peer" SENTINEL FAILOVER mymaster) in
    OK* | INPROG*) accepted=yes && break ;;
  esac
done
[ -n "$accepted" ] || exit 0
began_ms=$(now_ms)
while [ $(($(now_ms) - began_ms)) -lt 15000 ]; do
  if ask stop && [ "$master" != "$me" ]; then
    redis_cli 127.0.0.1 REPLICAOF "$master" 6379 >"$run/stop"
    exit 0
  fi
  sleep 0.2
done
