#!/usr/bin/env bash
# Pushes the modules of dist/release to a registry, holds what the registry calls them to what the release says, and signs that
# with cosign where it is installed. Credentials are those of `docker login`.
#
# TOLLGATE_PREFIX  another place than oci://ghcr.io/tollgate, for trying: oci://localhost:5000/tollgate
# TOLLGATE_TOOL    a built tollgate, to save building it
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
  local wanted prefix tool name pushed
  cd "$ROOT/dist/release" 2>/dev/null || fail "there is no dist/release" "make package"
  prefix=${TOLLGATE_PREFIX:-oci://ghcr.io/tollgate}
  tool=${TOLLGATE_TOOL:-}
  if [ -z "$tool" ]; then
    (cd "$ROOT" && cargo build --quiet --locked -p cli)
    tool=$TARGET/debug/tollgate
  fi
  [[ $tool == /* ]] || tool=$ROOT/$tool
  while IFS= read -r wanted; do
    wanted=$prefix/${wanted#oci://ghcr.io/tollgate/}
    name=${wanted##*/} name=${name%%:*}
    pushed=$("$tool" push "$name.wasm" "${wanted%@*}") || fail "cannot push $name" "see the lines above"
    [ "$pushed" = "$wanted" ] || fail "the registry has $pushed" "the release says $wanted: was it packaged of these modules?"
    if have cosign; then
      cosign sign --yes "${pushed#oci://}"
    else
      say "SKIPPED signing $name in the registry: there is no cosign"
    fi
    echo "$pushed"
  done <oci-digests.txt
}

main "$@" </dev/null
