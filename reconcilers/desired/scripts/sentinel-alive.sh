#!/bin/sh
# With the argument `ready`: answers. Without: answers, or still learns from its peers.
set -eu
# shellcheck source-path=SCRIPTDIR source=redis-lib.sh
. /etc/redis/redis-lib.sh
if [ "${1:-}" != ready ] && [ -e "$run/sentinel-waiting" ]; then exit 0; fi
[ "$(sentinel_cli 127.0.0.1 PING)" = PONG ]
