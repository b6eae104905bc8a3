#!/bin/sh
# Before a pod's address goes: while it is there, connections to the Redis that has ended are refused
# at once and clients take another replica; without it they hang. So this Sentinel stays until those
# of the peers no longer name that Redis to clients, and while it hands over. When only the Sentinel
# is to be started anew, the hook of Redis does not run.
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

# A Sentinel of a peer names the Redis here, as a replica that it does not take for down.
named() {
  for peer in $(peers); do
    sentinel_cli "$peer" SENTINEL REPLICAS mymaster >"$run/named" || continue
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
