#!/bin/sh
# Before a pod's address goes: while it is there, connections to the Redis that has ended are refused
# at once and clients take another replica; without it they hang. So this Sentinel stays until those
# of the peers no longer name that Redis to clients, also because it is the one that tells them of the
# failover that it made. When only the Sentinel is to be started anew, the hook of Redis does not run.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh

answers() { [ -n "$(redis_cli "$1" PING)" ]; }

a_peer_answers() {
  for peer in $(peers); do
    ! answers "$peer" || return 0
  done
  return 1
}

# A Sentinel of a peer names the Redis here to clients: as the master, or as a replica that it does
# not take for down. One that is silent (124, busybox: 143) will, when its clients are only held.
named() {
  for peer in $(peers); do
    status=0
    printf 'SENTINEL GET-MASTER-ADDR-BY-NAME mymaster\nSENTINEL REPLICAS mymaster\n' |
      sentinel_cli "$peer" >"$run/named" || status=$?
    case $status in
      0) ;;
      124 | 143) return 0 ;;
      *) continue ;;
    esac
    [ "$(head -n 1 "$run/named")" != "$me" ] || return 0
    flags=$(awk -v me="$me" '
      /^ip$/ {getline ip}
      /^flags$/ {getline flags; if (ip == me) print flags}' "$run/named")
    case $flags in '' | *_down*) ;; *) return 0 ;; esac
  done
  return 1
}

began_ms=$(now_ms)
until [ -e "$ending" ]; do
  [ $(($(now_ms) - began_ms)) -lt 3000 ] || exit 0
  sleep 0.2
done
while answers 127.0.0.1; do sleep 0.2; done # the grace period ends it if nothing else does
ended_ms=$(now_ms)
while [ $(($(now_ms) - ended_ms)) -lt 8000 ] && a_peer_answers && named; do
  sleep 0.5
done
