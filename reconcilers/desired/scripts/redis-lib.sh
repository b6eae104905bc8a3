# shellcheck shell=sh disable=SC2034
# What the scripts of a Redis pod share; sourced, never run.
#
# From the pod: POD_NAME, REDIS_SET (name of the StatefulSet), REDIS_DOMAIN (its peers' domain),
# REDIS_SIZE (pods by design), RESOURCE_UID.

data=/data
run=/run/redis # in memory: what holds for this start only, and files with the password
ending=$run/ending # the hook of Redis has begun
marker=$data/has-data # "was once in step": a directory that is merely not empty proves nothing
patience=2 # seconds for an answer
down_after_ms=5000
failover_timeout_ms=20000

log() { printf '%s\n' "$*" >&2; }

program() { command -v "valkey-$1" || command -v "redis-$1"; }
cli=$(program cli)

fqdn() { printf '%s-%s.%s\n' "$REDIS_SET" "$1" "$REDIS_DOMAIN"; }
ordinal=${POD_NAME##*-}
me=$(fqdn "$ordinal")

everyone() {
  i=0
  while [ "$i" -lt "$REDIS_SIZE" ]; do
    fqdn "$i"
    i=$((i + 1))
  done
}
peers() { everyone | grep -Fvx "$me"; }

password() { cat /etc/redis-password/redis-password; }
# As one word of a configuration file.
quoted_password() { printf '"%s"' "$(password | sed 's/[\\"]/\\&/g')"; }

# HOST COMMAND...: an error of the server is an answer.
redis_cli() {
  host=$1
  shift
  REDISCLI_AUTH=$(password) VALKEYCLI_AUTH=$(password) timeout "$patience" "$cli" -h "$host" -p 6379 "$@" 2>/dev/null
}
# Sentinels take no password: the application's client cannot send one.
sentinel_cli() {
  host=$1
  shift
  timeout "$patience" "$cli" -h "$host" -p 26379 "$@" 2>/dev/null
}

now_ms() {
  read -r up _ </proc/uptime
  whole=${up%.*}
  printf '%s\n' "$((whole * 1000 + $(printf '1%s' "${up#*.}") * 10 - 1000))"
}

bootstrap() { [ "$(cat /etc/redis-state/bootstrap 2>/dev/null)" = true ]; }

# NAME FILE: the line after NAME, as redis-cli prints maps.
field() { sed -n "/^$1\$/{n;p;q;}" "$2"; }

# LABEL (of its files; one per process that asks): what the Sentinels of the peers say of the
# master, never our own, which knows no more than we do. Sets master and epoch (of the highest configuration), flags (of all) and age_ms (since the last
# answer of the master to anyone, at the latest). Fails when nobody answers.
ask() {
  asked_ms=$(now_ms)
  askers=''
  for peer in $(peers); do
    sentinel_cli "$peer" SENTINEL MASTER mymaster >"$run/$1.$peer" &
    askers="$askers $!"
  done
  # shellcheck disable=SC2086 # a list of process ids
  wait $askers || true
  master='' epoch=-1 flags='' age_ms=0
  for peer in $(peers); do
    peer_epoch=$(field config-epoch "$run/$1.$peer")
    case $peer_epoch in '' | *[!0-9]*) continue ;; esac
    if [ "$peer_epoch" -gt "$epoch" ]; then
      epoch=$peer_epoch
      master=$(field ip "$run/$1.$peer")
    fi
    flags="$flags,$(field flags "$run/$1.$peer"),"
    peer_age=$(field last-ok-ping-reply "$run/$1.$peer")
    if [ "${peer_age:-0}" -gt "$age_ms" ]; then age_ms=$peer_age; fi
  done
  age_ms=$((age_ms + $(now_ms) - asked_ms)) # one peer's silence makes the other's answer old
  [ -n "$master" ]
}
