#!/bin/sh
# Starts Redis in the role that the Sentinels of its peers give it. Without them it waits, however
# long: a master that starts on a guess costs acknowledged writes. A single Redis just starts.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
# shellcheck source-path=SCRIPTDIR source=volume-lib.sh
. /etc/redis/volume-lib.sh
umask 077
trap 'exit 0' TERM INT # nothing runs yet; process 1 would ignore them

state=''
since_ms=0
# STATE: notes, and logs once, what we are waiting for.
waiting_for() {
  [ "$state" != "$1" ] || return 0
  state=$1
  since_ms=$(now_ms)
  log "start-redis: $1"
}
waited() { [ $(($(now_ms) - since_ms)) -ge "$1" ]; }

role() { redis_cli "$1" ROLE | head -n 1; }

# The master has neither failed over nor been missed by anyone: it was only restarted.
undisturbed() {
  case $flags in *s_down* | *o_down* | *failover_in_progress*) return 1 ;; esac
  [ "$age_ms" -lt $((down_after_ms / 2)) ]
}

# Prints empty, keys or unknown.
content_of_peers() {
  for peer in $(peers); do
    case $(redis_cli "$peer" DBSIZE) in
      0) ;;
      [1-9]*) echo keys && return ;;
      *) echo unknown && return ;;
    esac
  done
  echo empty
}

# Of peers that do not elect anyhow: theirs and ours would be two, the later one away from a master
# that takes writes already, and these would be lost. They elect after down_after_ms by themselves;
# when they have not for long, their next attempt may be far.
next_request_ms=0
request_failover() {
  [ "$(now_ms)" -ge "$next_request_ms" ] || return 0
  case $flags in *failover_in_progress*) return ;; esac
  undisturbed || waited 30000 || return 0
  for peer in $(peers); do
    answer=$(sentinel_cli "$peer" SENTINEL FAILOVER mymaster) || continue
    log "start-redis: failover asked of $peer: $answer"
    case $answer in OK* | INPROG*) break ;; esac
  done
  next_request_ms=$(($(now_ms) + 3000))
}

# LINE...: what holds for this start.
configure() {
  {
    echo 'include /etc/redis/redis.conf'
    echo "requirepass $(quoted_password)"
    echo "masterauth $(quoted_password)"
    [ "$REDIS_SIZE" = 1 ] || printf 'replica-announce-ip %s\nreplica-announce-port 6379\n' "$me"
    for line; do echo "$line"; done
  } >"$run/redis.conf"
}

# PARAMETER VALUE: of the server that runs here, until it has it.
set_here() {
  until redis_cli 127.0.0.1 CONFIG SET "$@" | grep -q OK; do sleep 0.5; done
}

in_step() { redis_cli 127.0.0.1 INFO replication | grep -q '^master_link_status:up'; }

# Until it is in step nobody may read here: clients that are refused take another replica, one that
# loads or lags gives them errors or the past. But an election may need it, when its master is gone.
show_replica() {
  heard_ms=$(now_ms)
  until in_step || [ $(($(now_ms) - heard_ms)) -ge "$down_after_ms" ]; do
    if [ "$(role "$master")" = master ]; then heard_ms=$(now_ms); fi
    sleep 0.5
  done
  set_here bind '* -::*'
}

# A replica that has never been in step must not be elected: Sentinel cannot tell that it is empty.
guard_replica() {
  until in_step; do sleep 0.5; done
  touch "$marker"
  set_here replica-priority 100
}

# Sentinel takes 10 s to correct a master that came back too late; these are writes lost.
guard_master() {
  began_ms=$(now_ms)
  own_epoch=$1
  while [ $(($(now_ms) - began_ms)) -lt 30000 ]; do
    if ask guard && [ "$master" != "$me" ] && [ "$epoch" -gt "$own_epoch" ]; then
      log "start-redis: $master was elected meanwhile"
      redis_cli 127.0.0.1 REPLICAOF "$master" 6379 >"$run/guard"
      return
    fi
    sleep 0.5
  done
}

# exec: process 1 must be the server, or it would not get the signal to stop.
serve() {
  rm -f "$run/waiting"
  log "start-redis: starting as $1"
  exec "$(program server)" "$run/redis.conf"
}

start_master() {
  configure
  touch "$marker"
  guard_master "$epoch" &
  serve master
}

start_replica() {
  priority=100
  if [ ! -e "$marker" ]; then
    priority=0
    guard_replica &
  fi
  addresses='* -::*'
  if [ "$master_role" = master ]; then
    addresses=127.0.0.1
    show_replica &
  fi
  configure "replicaof $master 6379" "replica-priority $priority" "bind $addresses"
  serve "replica of $master"
}

step() {
  if ! ask start; then
    waiting_for 'no Sentinel of a peer answers'
  elif [ "$master" != "$me" ]; then
    master_role=$(role "$master")
    if [ "$master_role" != slave ]; then start_replica; fi
    waiting_for "$master is named as the master and still a replica"
    if waited 30000; then start_replica; fi
  elif [ -e "$marker" ]; then
    if undisturbed; then start_master; fi
    waiting_for 'the peers have missed this master: waiting for their failover'
    if waited 30000; then start_master; fi
  else
    start_empty_master
  fi
}

start_empty_master() {
  content=keys
  if bootstrap; then content=$(content_of_peers); fi
  case $content in
    empty) start_master ;;
    unknown)
      waiting_for 'a peer does not say whether it has keys'
      if waited 30000; then start_master; fi
      ;;
    keys)
      waiting_for 'this disk is empty: waiting for another master'
      request_failover
      ;;
  esac
}

rm -f "$run/synced" "$ending"
touch "$run/waiting"
own_volume "$data" redis
if [ "$REDIS_SIZE" = 1 ]; then
  configure
  serve 'the only Redis'
fi
while :; do
  step
  sleep 0.5
done
