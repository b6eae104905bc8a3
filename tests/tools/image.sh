#!/usr/bin/env bash
# image.sh: compiles the release and writes the operator's image, an OCI archive, to build/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/step.sh"
"$here/build.sh" release
/usr/bin/python3 "$here/operator_image.py" "$root/build/bin/entityservice-operator" "$root/build/operator.oci.tar"
