#!/bin/sh
# Ready: answers, and has been a master or a replica in step once since the container started. A
# later loss of the link does not count: a set without master must still be found by its clients.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
[ "$(redis_cli 127.0.0.1 PING)" = PONG ]
[ ! -e "$run/synced" ] || exit 0
redis_cli 127.0.0.1 INFO replication | grep -q -e '^role:master' -e '^master_link_status:up'
touch "$run/synced"
