# shellcheck shell=sh
# For servers that must be alone on their volume; sourced, never run.
#
# A pod that was deleted by force has a successor at once, while its own containers run on for a
# while. On the same node both have the volume, and neither server sees the other one, which is in
# another container: Postgres of the successor takes the lock file for its own, works for a minute,
# ends because the former one has removed it, and what it had committed is gone.

# FILE: 0: this process has it now, 1: another one has it, 2: that cannot be known (no flock, a file
# system without locks). On a conflict flock says nothing.
lock_file() {
  (: >>"$1") || return 2
  exec 9>"$1"
  status=0
  said=$(flock -n 9 2>&1) || status=$?
  [ -z "$said" ] || echo "$said" >&2
  case $status:$said in
    0:*) ;;
    1:) return 1 ;;
    *) return 2 ;;
  esac
}

# FOLDER SERVER: waits until this process has the folder, with all that it becomes and starts, until
# the last of them has ended. However long: two servers cost data. Where it cannot be known whether
# there is another one, the server starts as it would without this.
own_volume() {
  status=0
  lock_file "$1/$2.in-use" || status=$?
  [ "$status" -eq 1 ] || return 0
  echo "$1 is still in use by another container, waiting for its end." \
    "If there is none (NFS may keep locks of a lost node), remove $1/$2.in-use" >&2
  until lock_file "$1/$2.in-use"; do sleep 1; done
  echo "$1 is in use by nobody else any more" >&2
}
