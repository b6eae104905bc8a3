#!/bin/sh
# Starts Sentinel with a configuration made anew: only which master, and in which epoch, is kept of
# the stored one. Peers and their ids follow from the names, so that no ghost of a former pod ever
# counts in a vote. A Sentinel that knows nothing learns it from its peers before it speaks.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
umask 077
trap 'exit 0' TERM INT # nothing runs yet; process 1 would ignore them

directory=$data/sentinel
file=$directory/sentinel.conf

# ORDINAL: fixed for the life of the resource.
sentinel_id() { printf '%s/%s' "$RESOURCE_UID" "$1" | sha1sum | cut -c 1-40; }

# KEYWORD COLUMN
stored() { awk -v key="$1" -v column="$2" '$1 == "sentinel" && $2 == key {print $column}' "$file"; }

recall() {
  [ -s "$file" ] || return 1
  master=$(stored monitor 4)
  [ -n "$master" ] || return 1
  epoch=$(stored config-epoch 4)
  leader_epoch=$(stored leader-epoch 4)
  current_epoch=$(stored current-epoch 3)
}

learn() {
  if ask sentinel; then
    log "start-sentinel: the peers say that $master is the master"
  elif bootstrap; then
    master=$(fqdn 0)
    epoch=0
    log "start-sentinel: a new set, $master is the first master"
  else
    return 1
  fi
  leader_epoch=$epoch
  current_epoch=$epoch
}

configuration() {
  cat <<END
port 26379
dir $directory
protected-mode no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel announce-port 26379
sentinel myid $(sentinel_id "$ordinal")
sentinel monitor mymaster $master 6379 2
sentinel auth-pass mymaster $(quoted_password)
sentinel down-after-milliseconds mymaster $down_after_ms
sentinel failover-timeout mymaster $failover_timeout_ms
sentinel parallel-syncs mymaster 1
sentinel config-epoch mymaster ${epoch:-0}
sentinel leader-epoch mymaster ${leader_epoch:-0}
sentinel current-epoch ${current_epoch:-0}
END
  n=0
  while [ "$n" -lt "$REDIS_SIZE" ]; do
    name=$(fqdn "$n")
    [ "$name" = "$master" ] || echo "sentinel known-replica mymaster $name 6379"
    [ "$name" = "$me" ] || echo "sentinel known-sentinel mymaster $name 26379 $(sentinel_id "$n")"
    n=$((n + 1))
  done
}

touch "$run/sentinel-waiting"
mkdir -p "$directory"
log 'start-sentinel: looking for the master'
until recall || learn; do sleep 0.5; done
configuration >"$file.new"
mv "$file.new" "$file"
rm -f "$run/sentinel-waiting"
exec "$(program server)" "$file" --sentinel
