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

# A client that kept a connection finds it closed before it sends something, and asks for the master.
pause() {
  printf 'CLIENT PAUSE %s WRITE\nCLIENT KILL TYPE normal\n' $((down_after_ms * 9 / 10)) |
    redis_cli 127.0.0.1 >"$run/stop"
}

# MS SENTINEL...: their clients wait that long for any answer. One that was named this master now
# would be refused, and the application repeats nothing.
hold() {
  ms=$1
  shift
  for sentinel; do
    sentinel_cli "$sentinel" CLIENT PAUSE "$ms" ALL >"$run/stop.held" &
  done
  wait
}

# Prints yes when a Sentinel begins, later when it knows nobody to promote. Our own is asked first:
# clients are led away from an ending pod, and the one that makes the failover is the last to name
# the new master. The others know it after an INFO, a second at the most; it after two.
fail_over() {
  for sentinel in "$me" $(peers); do
    case $(printf 'SENTINEL FAILOVER mymaster\nCLIENT PAUSE 3500 ALL\n' | sentinel_cli "$sentinel") in
      OK* | INPROG*) echo yes && return ;;
      *NOGOODSLAVE*) echo later && return ;;
    esac
  done
  echo no
}

# Sets new to the peer that is a master. Fails when no peer answers: all of them are ending.
look_for_new() {
  new=''
  roles=''
  for peer in $(peers); do
    role=$(redis_cli "$peer" ROLE | head -n 1) || true
    roles=$roles$role
    [ "$role" != master ] || new=$peer
  done
  [ -n "$roles" ]
}

# A replica that has just come into step may be promoted, but Sentinel looks every ten seconds only.
begin_failover() {
  asked_ms=$(now_ms)
  while look_for_new && [ $(($(now_ms) - asked_ms)) -lt 11000 ]; do
    # shellcheck disable=SC2046 # a list of names
    hold 2000 $(peers)
    sleep 0.05 # whoever was just named this master is done
    pause
    begins=$(fail_over)
    [ "$begins" = later ] || break
    unpause
    sleep 1
  done
  [ "${begins:-no}" = yes ]
}

hand_over() {
  [ "$(redis_cli 127.0.0.1 ROLE | head -n 1)" = master ] || return 0
  ask stop || return 0
  [ "$master" = "$me" ] || return 0
  begin_failover || return 0
  began_ms=$(now_ms)
  while [ $(($(now_ms) - began_ms)) -lt 15000 ] && look_for_new; do
    if [ -n "$new" ]; then
      redis_cli 127.0.0.1 REPLICAOF "$new" 6379 >"$run/stop"
      return 0
    fi
    sleep 0.2
  done
}

# Redis refuses to end while it begins a log for what it gets from a master, and would be killed when
# the grace period is over.
busy() {
  redis_cli 127.0.0.1 INFO | grep -Eq \
    '^(master_link_status:down|master_sync_in_progress:1|aof_rewrite_(in_progress|scheduled):1)'
}

hand_over
unpause
ready_ms=$(now_ms)
while busy && [ $(($(now_ms) - ready_ms)) -lt 5000 ]; do
  sleep 0.2
done
