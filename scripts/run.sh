#!/usr/bin/env bash
# Builds the modules and the tool, and serves manifests/base with them on a local Envoy until Ctrl-C.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
"$ROOT/scripts/build.sh"
TOLLGATE_ENVOY=$("$ROOT/scripts/toolchain.sh" envoy)
export TOLLGATE_ENVOY
cargo build --locked -p cli
exec "$TARGET/debug/tollgate" run manifests/base --modules dist "$@"
