#!/usr/bin/env bash
# Builds the modules here and in a copy of the tree in another folder, and fails unless they are the same bytes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What a commit of this moment would hold: tracked files and new ones, without ignored ones.
copy_tree() {
  local file
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar --null --files-from=- --create --file=- | tar -C "$1" -xf -
}

main() {
  local module other different=0
  cd "$ROOT"
  "$ROOT/scripts/build.sh"
  # The blank shows that no step splits a path.
  copy=$(mktemp -d "${TMPDIR:-/tmp}/tollgate copy.XXXXXX")
  trap 'rm -rf "$copy"' EXIT
  copy_tree "$copy"
  say "building once more in $copy"
  env -u CARGO_TARGET_DIR TOLLGATE_TOOLS="$TOOLS" TOLLGATE_MODULE_TOOLS="$TARGET/debug/module-tools" \
    "$copy/scripts/build.sh"
  for module in dist/*.wasm; do
    other=$copy/$module
    if [ -f "$other" ] && ! cmp "$module" "$other"; then different=1; fi
  done
  [ -n "$(ls "$copy/dist")" ] || fail "the copy built no module" "see the lines above"
  [ "$different" = 0 ] || fail "modules differ between two folders" "compare them with: wasm-objdump -x, or cmp -l"
  say "the modules are byte-identical in two folders"
}

main "$@" </dev/null
