#!/bin/sh
# Before a master stops: hand over, so that clients wait for two seconds instead of for a failover.
# Writes are paused meanwhile, and this server turns into a replica at once: none is taken by two
# masters. A pause also stops what Sentinel publishes here, so it must be shorter than its patience;
# no shorter than need be, because what is written after it and before the end would be lost.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
touch "$ending"

hook_ms=$(now_ms)
# SECONDS: the hook is not older than that. All of it has to be over before the grace period is.
within() { [ $(($(now_ms) - hook_ms)) -lt "$1"000 ]; }

pause_ms=$((down_after_ms * 9 / 10))
# Sentinels read who is a master every second during a failover. The one that makes it needs two
# readings, and then it has to tell the replicas. It tells the peers after the first; what it says is
# lost when a connection ends in this moment, as they do when roles change, and said again after two
# seconds.
hold_ms=4000
hold_leader_ms=3500

here() { redis_cli 127.0.0.1 "$@"; }
# A peer that is dead must not use the pause up.
peer_cli() { (patience=1 && redis_cli "$@"); }

unpause() { here CLIENT UNPAUSE >"$run/stop" || true; }
trap unpause EXIT

# Clients of the other Sentinels wait for any answer. One that was named this master now would be
# refused, and the application repeats nothing. One that has just been named it has time to write,
# counted from when the Sentinels say that the others wait; those that did not answer when they were
# asked for the master are not waited for.
hold_clients() {
  holders=''
  for peer in $(peers); do
    [ "$peer" != "$sentinel" ] || continue
    (patience=1 && sentinel_cli "$peer" CLIENT PAUSE "$hold_ms" ALL) >"$run/held.$peer" &
    [ ! -s "$run/stop.$peer" ] || holders="$holders $!"
  done
  # shellcheck disable=SC2086 # a list of process ids
  [ -z "$holders" ] || wait $holders || true
  sleep 0.3
}

# A client that kept a connection finds it closed before it sends something, and asks for the master.
pause_writes() {
  printf 'CLIENT PAUSE %s WRITE\nCLIENT KILL TYPE normal\n' "$pause_ms" | here >"$run/stop"
  grep -q OK "$run/stop"
}

# OFFSET: all that a Sentinel might promote are in step with this server, and have so much of it.
have() {
  for it in $eligible; do
    peer_cli "$it" ROLE >"$run/role.$it" || return 1
    [ "$(sed -n 4p "$run/role.$it")" = connected ] || return 1
    [ "$(sed -n 5p "$run/role.$it")" -ge "$1" ] || return 1
  done
}

# Sets sentinel to the first that knows whom to promote, and eligible to all that it might choose, by
# what it read up to ten seconds ago. Our own is asked first: clients are led away from an ending
# pod, and the one that makes the failover is the last to name the new master.
promotable() {
  for sentinel in "$me" $(peers); do
    sentinel_cli "$sentinel" SENTINEL REPLICAS mymaster >"$run/replicas" || continue
    eligible=$(awk '
      /^ip$/ {getline ip}
      /^flags$/ {getline flags}
      /^slave-priority$/ {getline priority
        if (flags !~ /down|disconnected/ && priority > 0) print ip}' "$run/replicas")
    [ -z "$eligible" ] || return 0
    ! within 11 || return 1 # it reads every ten seconds, and may not know it yet
  done
  return 1
}

has_all() {
  offset=$(here ROLE | sed -n 2p)
  have "$offset" || { sleep 0.1 && have "$offset"; } || { sleep 0.2 && have "$offset"; }
}

# One Sentinel only: two could choose two masters. Whether it has begun is not known when it is
# silent; then this server must not take writes again.
fail_over() {
  status=0
  answer=$(sentinel_cli "$sentinel" SENTINEL FAILOVER mymaster) || status=$?
  case $status:$answer in
    *:OK* | *:INPROG* | 124:* | 143:*) ;;
    *) return 1 ;;
  esac
  sentinel_cli "$sentinel" CLIENT PAUSE "$hold_leader_ms" ALL >"$run/held.$sentinel" || true
}

# Sets new to the peer that is a master. Fails when every peer refuses the connection: all of them
# are ending. One that is silent (124, busybox: 143) may only be slow.
look_for_new() {
  askers=''
  for peer in $(peers); do
    peer_cli "$peer" ROLE >"$run/role.$peer" &
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

# Fails when nothing was begun. A replica that has just come into step may be promoted, but Sentinel
# looks every ten seconds only.
begin_failover() {
  while within 14 && look_for_new && [ -z "$new" ]; do
    if promotable && have 0; then
      hold_clients
      if pause_writes && has_all && fail_over; then return 0; fi
      unpause
    fi
    sleep 1
  done
  return 1
}

# What would be written here after that would be lost.
follow_new() {
  while within 20 && look_for_new; do
    if [ -n "$new" ] && here REPLICAOF "$new" 6379 | grep -q OK; then
      followed=yes
      return
    fi
    sleep 0.1
  done
}

hand_over() {
  [ "$(here ROLE | head -n 1)" = master ] || return 0
  ask stop || return 0
  [ "$master" = "$me" ] || return 0
  begin_failover || return 0
  follow_new
}

# Redis refuses to end while it begins a log for what it gets from a master, and would be killed when
# the grace period is over.
ready_to_end() {
  here INFO >"$run/info" || return 0
  writes='^(master_sync_in_progress|aof_rewrite_(in_progress|scheduled)):1'
  ! grep -Eq "$writes" "$run/info" || return 1
  [ "$followed" = no ] || grep -q '^master_link_status:up' "$run/info"
}

# Clients that come now take another replica; those that are being answered get their answer.
refuse_clients() {
  here CONFIG SET bind 127.0.0.1 >"$run/stop" || true
  sleep 0.2
}

followed=no
hand_over
[ "$followed" = no ] || unpause # else the pause ends by itself, or has been ended
trap - EXIT
until ready_to_end || ! within 25; do sleep 0.2; done
refuse_clients
