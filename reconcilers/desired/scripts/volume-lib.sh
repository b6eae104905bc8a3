# shellcheck shell=sh
# For servers that must be alone on their volume; sourced, never run.
#
# A pod that was deleted by force has a successor at once, while its own containers run on for a
# while. On the same node both have the volume, and neither server sees the other one, which is in
# another container: Postgres of the successor takes the lock file for its own, works for a minute,
# ends because the former one has removed it, and what it had committed is gone.

# FOLDER: whether somebody else has it; if not, this process has it now. Where that cannot be known
# (no flock, a file system without locks), the server starts as it would without this.
has_another_owner() {
  (: >>"$1/in-use") || return 1
  exec 9>"$1/in-use"
  status=0
  flock -n 9 || status=$?
  [ "$status" -eq 1 ]
}

# FOLDER: waits until this process has it, with all that it becomes and starts, until the last of
# them has ended. However long: two servers cost data.
own_volume() {
  if has_another_owner "$1"; then
    echo "$1 is still in use by another container, waiting for its end." \
      "If there is none (NFS may keep locks of a lost node), remove $1/in-use" >&2
    while has_another_owner "$1"; do sleep 1; done
    echo "$1 is in use by nobody else any more" >&2
  fi
}
