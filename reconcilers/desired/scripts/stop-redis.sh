#!/bin/sh
# Before a master stops: hand over, so that clients wait for a second instead of for a failover.
# Writes are paused meanwhile, and this server turns into a replica at once: none is taken by two
# masters. A pause also stops what Sentinel publishes here, so it must be shorter than its patience;
# no shorter than need be, because what is written after it and before the end would be lost.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh

unpause() {
  redis_cli 127.0.0.1 CLIENT UNPAUSE >"$run/stop"
}
trap unpause EXIT

# Prints yes when a Sentinel begins, later when each that answers knows nobody to promote.
fail_over() {
  verdict=no
  for peer in $(peers); do
    case $(sentinel_cli "$peer" SENTINEL FAILOVER mymaster) in
      OK* | INPROG*) verdict=yes && break ;;
      *NOGOODSLAVE*) verdict=later ;;
    esac
  done
  echo "$verdict"
}

[ "$(redis_cli 127.0.0.1 ROLE | head -n 1)" = master ] || exit 0
ask stop || exit 0
[ "$master" = "$me" ] || exit 0
# A replica that has just come into step may be promoted, but Sentinel looks every ten seconds only.
begins=later
asked_ms=$(now_ms)
while [ "$begins" = later ] && [ $(($(now_ms) - asked_ms)) -lt 11000 ]; do
  redis_cli 127.0.0.1 CLIENT PAUSE $((down_after_ms * 9 / 10)) WRITE >"$run/stop"
  begins=$(fail_over)
  if [ "$begins" = later ]; then unpause && sleep 1; fi
done
[ "$begins" = yes ] || exit 0
began_ms=$(now_ms)
while [ $(($(now_ms) - began_ms)) -lt 15000 ]; do
  if ask stop && [ "$master" != "$me" ]; then
    redis_cli 127.0.0.1 REPLICAOF "$master" 6379 >"$run/stop"
    exit 0
  fi
  sleep 0.2
done
