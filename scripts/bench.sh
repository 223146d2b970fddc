#!/usr/bin/env bash
# Measures what a request costs with each filter, with Envoy's own and with Lua: docs/benchmarks/results.md and .svg.
#
#   bench.sh [--smoke] [--only COMPARISON]… [--out DIR]      --smoke: two minutes, to see that it works
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ROOT"
"$ROOT/scripts/build.sh"
TOLLGATE_ENVOY=$("$ROOT/scripts/toolchain.sh" envoy)
export TOLLGATE_ENVOY TOLLGATE_DIST=$ROOT/dist
say "building the benchmark"
cargo build --quiet --workspace --locked --bin bench
exec "$TARGET/debug/bench" "$@"
