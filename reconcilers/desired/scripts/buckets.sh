#!/bin/sh
# Buckets, users and policies, then the proof that the application's user can work with them. Every
# step may be repeated. Only what the store's image has is used: sh, coreutils, mc. The aliases are
# MC_HOST_*, so that no key is written to a file.
set -eu

export MC_HOST_root="http://$ROOT_ACCESS_KEY:$ROOT_SECRET_KEY@$STORE"
export MC_HOST_app="http://$APP_ACCESS_KEY:$APP_SECRET_KEY@$STORE"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM

fail() {
  echo "buckets: $*" >&2
  exit 1
}

# Green probes can precede the first successful request by many seconds.
wait_for_store() {
  left=30
  until answer=$(timeout 10 mc ls root 2>&1); do
    case $answer in
      # a refusal does not pass by waiting
      *ccess*enied* | *"ccess Key"* | *signature*) left=0 ;;
    esac
    [ "$left" -gt 0 ] || fail "the store at $STORE does not serve its root user: $answer"
    left=$((left - 1))
    sleep 1
  done
}

# ACCESS_KEY SECRET_KEY POLICY: the user with this secret and this policy. The keys go through stdin,
# since arguments can be read by others; mc names the user, and logs are read by more than Secrets are.
make_user() {
  printf '%s\n%s\n' "$1" "$2" | mc admin user add root >/dev/null
  mc admin policy create root "$3" "/etc/buckets/$3.json" >/dev/null
  mc admin policy attach root "$3" --user "$1" >/dev/null
  echo "buckets: a user has the policy $3"
}

# Reading back what was written, as the application would.
prove() {
  probe=app/$RESULTS_BUCKET/quarantine/entityservice-probe
  date >"$work/written"
  mc cp --quiet "$work/written" "$probe"
  mc cat "$probe" >"$work/read"
  [ "$(cat "$work/read")" = "$(cat "$work/written")" ] || fail "$probe came back changed"
  mc rm --quiet "$probe"
}

wait_for_store
mc mb --ignore-existing "root/$RESULTS_BUCKET"
mc mb --ignore-existing "root/$UPLOADS_BUCKET"
make_user "$APP_ACCESS_KEY" "$APP_SECRET_KEY" entityservice-app
make_user "$UPLOAD_ACCESS_KEY" "$UPLOAD_SECRET_KEY" entityservice-upload
make_user "$DOWNLOAD_ACCESS_KEY" "$DOWNLOAD_SECRET_KEY" entityservice-download
prove
echo 'buckets: done'
