#!/usr/bin/env bash
# Builds every package of filters/ for wasm32-wasip1 and leaves dist/<package>.wasm, trimmed, with its size printed.
# The bytes depend on the sources and the compiler alone, not on the folder, the user or the time.
#
# TOLLGATE_MODULE_TOOLS  a built module-tools, to save building it again
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

packages() {
  local manifest
  for manifest in filters/*/Cargo.toml; do
    [ -f "$manifest" ] && basename "$(dirname "$manifest")"
  done
}

# Absolute paths get into a module through panic messages. The linker's notes tell `module-tools trim` what nothing refers to.
# CARGO_ENCODED_RUSTFLAGS, because a folder may have blanks.
encoded_flags() {
  local flags=("${rust_flags[@]}" "--remap-path-prefix" "$ROOT=." "--remap-path-prefix" "$CARGO_HOME=cargo")
  flags+=("-C" "link-arg=--emit-relocs")
  local IFS=$'\x1f'
  echo "${flags[*]}"
}

# The level a package asks for with everything in it (package.metadata.tollgate); else that of the release profile.
level() {
  local own
  own=$(sed -n '/^\[package.metadata.tollgate\]/,/^\[/ s/^opt-level = //p' "filters/$1/Cargo.toml")
  echo "${own:-$(sed -n '/^\[profile.release\]/,/^\[/ s/^opt-level = //p' Cargo.toml)}"
}

levels() {
  local package
  for package in $(packages); do level "$package"; done | sort -u
}

packages_of() {
  local package
  for package in $(packages); do
    [ "$(level "$package")" != "$1" ] || echo "$package"
  done
}

# compile LEVEL PACKAGE...
compile() (
  local level=$1 selected=() package
  shift
  for package in "$@"; do selected+=(-p "$package"); done
  local cargo_args=() rust_flags=()
  # shellcheck disable=SC1090 # written by toolchain.sh
  source "$TOOLS/$WASI.env"
  CARGO_ENCODED_RUSTFLAGS=$(encoded_flags)
  export CARGO_ENCODED_RUSTFLAGS
  cargo build --release --config "profile.release.opt-level=$level" --locked --target-dir "$WASM_TARGET" \
    "${cargo_args[@]}" "${selected[@]}"
)

module_tools() {
  [ -z "${TOLLGATE_MODULE_TOOLS:-}" ] || { echo "$TOLLGATE_MODULE_TOOLS" && return; }
  cargo build --quiet --locked -p module-tools
  echo "$TARGET/debug/module-tools"
}

refuse_paths() {
  local folder
  for folder in "$ROOT" "$CARGO_HOME" "${RUSTUP_HOME:-$HOME/.rustup}" /usr/lib/rustlib; do
    ! grep -qaF -e "$folder/" "$1" ||
      fail "$1 names the folder $folder" "find it with: strings $1 | grep $folder; then remap it in scripts/build.sh"
  done
}

# The README's table, which filter-runtime's tests hold to what the fake Envoy counts.
host_calls() {
  awk -F '|' '/<!-- host-calls -->/ { inside = !inside; row = 0; next }
    inside && ++row > 2 { gsub(/ /, "", $4); gsub(/ /, "", $5); printf "  %2d + %d  %s\n", $4, $5, $2 }' "$1"
}

main() {
  local tools package level built
  cd "$ROOT"
  export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
  "$ROOT/scripts/toolchain.sh" wasi
  for level in $(levels); do
    # shellcheck disable=SC2046 # one word per package
    compile "$level" $(packages_of "$level")
  done
  tools=$(module_tools)
  mkdir -p dist
  for package in $(packages); do
    built=$WASM_TARGET/$WASI/release/${package//-/_}.wasm
    refuse_paths "$built"
    "$tools" trim "$built" "dist/$package.wasm"
    say "host calls per request, request + response:"
    host_calls "filters/$package/README.md"
  done
}

main "$@" </dev/null
