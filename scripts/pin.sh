#!/usr/bin/env bash
# Writes the version of this tree, and the digests that the modules of dist/ have in a registry, into every url of manifests/.
# Run after a build whose modules are to be shipped: other compilers give other bytes, and so other digests.
#
#   pin.sh [FOLDER]      another folder than manifests/
#
# TOLLGATE_TOOL  a built tollgate, to save building it
# TOLLGATE_DIST  where the modules are instead of dist/
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

URL='oci://[A-Za-z0-9._:/-]*'

# pinned REPOSITORY: the url of that repository with version and digest, or nothing for a module that is not ours.
pinned() {
  local module=$dist/${1##*/}.wasm
  [ -f "$module" ] || return 0
  "$tool" push --dry-run "$module" "$1:$version" ||
    fail "cannot tell the digest of $module" "see the lines above"
}

pin_file() {
  local file=$1 url repository pin
  while IFS= read -r url; do
    repository=${url%%@*}
    # A tag follows the last colon, unless a slash does: that colon belongs to a port.
    [[ ${repository##*/} != *:* ]] || repository=${repository%:*}
    pin=$(pinned "$repository")
    [ -n "$pin" ] || { say "$file: $url is none of dist/, left as it is" && continue; }
    [[ $pin =~ ^oci://.*@sha256:[0-9a-f]{64}$ ]] || fail "tollgate push --dry-run says $pin" "a pinned oci:// reference is wanted"
    sed -i.old "s|url: $url\$|url: $pin|" "$file" && rm -f "$file.old"
  done < <(sed -n "s|^ *url: \($URL\(@sha256:[0-9a-f]*\)\{0,1\}\) *\$|\1|p" "$file" | sort -u)
}

main() {
  local folder file
  cd "$ROOT"
  folder=${1:-manifests}
  dist=${TOLLGATE_DIST:-dist}
  version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
  compgen -G "$dist/*.wasm" >/dev/null || fail "there is no module in $dist" "make build"
  tool=${TOLLGATE_TOOL:-}
  if [ -z "$tool" ]; then
    cargo build --quiet --locked -p cli
    tool=$TARGET/debug/tollgate
  fi
  while IFS= read -r file; do pin_file "$file"; done < <(find "$folder" -name '*.yaml' | sort)
  grep -rhn "^ *url: $URL" "$folder" --include='*.yaml' | sed 's/.*url: //' | sort -u
}

main "$@" </dev/null
