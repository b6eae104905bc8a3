#!/bin/sh
# Alive: still waiting for its peers, or gives any answer: loading, busy and a wrong password are
# no reason for a restart.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
[ ! -e "$run/waiting" ] || exit 0
[ -n "$(redis_cli 127.0.0.1 PING)" ]
