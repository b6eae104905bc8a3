#!/bin/sh
# Before a master stops: hand over, so that clients wait for two seconds instead of for a failover.
# Writes are paused meanwhile, and this server turns into a replica at once: none is taken by two
# masters. A pause also stops what Sentinel publishes here, so it must be shorter than its patience;
# no shorter than need be, because what is written after it and before the end would be lost.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
touch "$ending"

pause_ms=$((down_after_ms * 9 / 10))
# Sentinels read who is a master every second during a failover. The peers know the new one after
# one reading, the one that makes the failover after two, and then it has to tell the replicas.
hold_ms=2000
hold_leader_ms=3500
patience=1 # a peer that is dead must not use the pause up

unpause() {
  redis_cli 127.0.0.1 CLIENT UNPAUSE >"$run/stop" || true
}
trap unpause EXIT

# Clients of the peers' Sentinels wait for any answer. One that was named this master now would be
# refused, and the application repeats nothing. One that has just been named it has time to write.
hold_clients() {
  for peer in $(peers); do
    sentinel_cli "$peer" CLIENT PAUSE "$hold_ms" ALL >"$run/held.$peer" &
  done
  sleep 0.2
}

# A client that kept a connection finds it closed before it sends something, and asks for the master.
pause_writes() {
  printf 'CLIENT PAUSE %s WRITE\nCLIENT KILL TYPE normal\n' "$pause_ms" |
    redis_cli 127.0.0.1 >"$run/stop" || true
}

# Our own is asked first: clients are led away from an ending pod, and the one that makes the
# failover is the last to name the new master.
fail_over() {
  for sentinel in "$me" $(peers); do
    case $(sentinel_cli "$sentinel" SENTINEL FAILOVER mymaster) in
      OK* | INPROG*) ;;
      *) continue ;;
    esac
    sentinel_cli "$sentinel" CLIENT PAUSE "$hold_leader_ms" ALL >"$run/held.$sentinel" || true
    return 0
  done
  return 1
}

# A Sentinel knows a replica that it would promote.
promotable() {
  for sentinel in "$me" $(peers); do
    sentinel_cli "$sentinel" SENTINEL REPLICAS mymaster >"$run/replicas" || continue
    if awk '
      /^flags$/ {getline flags}
      /^master-link-status$/ {getline link}
      /^slave-priority$/ {getline priority
        if (flags !~ /down|disconnected/ && link == "ok" && priority > 0) found = 1}
      END {exit !found}' "$run/replicas"; then return 0; fi
  done
  return 1
}

# Sets new to the peer that is a master. Fails when every peer refuses the connection: all of them
# are ending. One that is silent (124, busybox: 143) may only be slow.
look_for_new() {
  askers=''
  for peer in $(peers); do
    redis_cli "$peer" ROLE >"$run/role.$peer" &
    askers="$askers $!"
  done
  present=no
  for asker in $askers; do
    status=0
    wait "$asker" || status=$?
    case $status in 0 | 124 | 143) present=yes ;; esac
  done
  new=''
  for peer in $(peers); do
    [ "$(head -n 1 "$run/role.$peer")" != master ] || new=$peer
  done
  [ "$present" = yes ]
}

# A replica that has just come into step may be promoted, but Sentinel looks every ten seconds only.
begin_failover() {
  asked_ms=$(now_ms)
  while [ $(($(now_ms) - asked_ms)) -lt 11000 ]; do
    look_for_new || return 1
    if promotable; then
      hold_clients
      pause_writes
      ! fail_over || return 0
      unpause
    fi
    sleep 1
  done
  return 1
}

# What would be written here after that would be lost.
follow_new() {
  began_ms=$(now_ms)
  while [ $(($(now_ms) - began_ms)) -lt 15000 ] && look_for_new; do
    if [ -n "$new" ] && redis_cli 127.0.0.1 REPLICAOF "$new" 6379 | grep -q OK; then return 0; fi
    sleep 0.1
  done
}

hand_over() {
  [ "$(redis_cli 127.0.0.1 ROLE | head -n 1)" = master ] || return 0
  ask stop || return 0
  [ "$master" = "$me" ] || return 0
  begin_failover || return 0
  follow_new
}

here() { redis_cli 127.0.0.1 INFO | grep -Eq "$1"; }

# Redis refuses to end while it begins a log for what it gets from a master, and would be killed when
# the grace period is over.
ready_to_end() {
  ! here '^(master_sync_in_progress|aof_rewrite_(in_progress|scheduled)):1' || return 1
  [ -z "$new" ] || here '^master_link_status:up'
}

# Clients that come now take another replica; those that are being answered get their answer.
refuse_clients() {
  redis_cli 127.0.0.1 CONFIG SET bind 127.0.0.1 >"$run/stop" || true
  sleep 0.2
}

new=''
hand_over
unpause
ready_ms=$(now_ms)
until ready_to_end || [ $(($(now_ms) - ready_ms)) -ge 10000 ]; do sleep 0.2; done
refuse_clients
