#!/usr/bin/env bash
# From nothing to a record linkage on a real node, whose cluster stays up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/step.sh"
"$here/image.sh" >/dev/null
/usr/bin/python3 "$root/tests/control-plane/command.py" up --real
exec /usr/bin/python3 "$root/tests/e2e/demo.py"
