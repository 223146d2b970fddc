#!/usr/bin/env bash
# Everything that a reviewer should not have to look for: format, lints, scripts, reproducible modules, licences.
#
#   check.sh [--quick]      --quick: without what takes minutes (fuzzing, the test bed's own tests, building all modules twice)
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

failed=()

step() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

scripts_are_clean() {
  if ! "$ROOT/scripts/toolchain.sh" lint; then
    say "SKIPPED shellcheck: it is not installed and cannot be installed here"
    return 0
  fi
  shellcheck --external-sources scripts/*.sh e2e/docker/envoy e2e/src/kind/stand-in e2e/docker/*.sh .ci/run
}

# ARCHITECTURE.md, invariant 1.
only_the_runtime_knows_the_sdk() {
  local users
  users=$(cargo tree --workspace --locked --edges normal --invert proxy-wasm --depth 1 --prefix none --format '{p}' |
    awk 'NR > 1 { print $1 }' | sort -u)
  [ "$users" = filter-runtime ] || { say "proxy-wasm is used by: $users"; return 1; }
}

dependencies_are_allowed() {
  if ! have cargo-deny; then
    say "SKIPPED cargo-deny: not installed (cargo install cargo-deny --locked)"
    return 0
  fi
  # Not advisories: their database is on GitHub, which is out of reach on some machines. `cargo deny check` runs them.
  cargo deny --locked --log-level error check bans licenses sources
}

# Its crate is a workspace of its own.
fuzzing() {
  cargo fmt --manifest-path shared/fuzz/Cargo.toml --check && "$ROOT/scripts/fuzz.sh"
}

# The rate limit service of the end-to-end suite, a workspace of its own as well: what it needs is not what we need. No
# clippy: it would have to read 200 packages once more, for a minute, of which six files are ours.
limitador() {
  local manifest=e2e/limitador/Cargo.toml target=$TARGET/limitador
  "$ROOT/scripts/toolchain.sh" limitador >/dev/null &&
    cargo fmt --manifest-path $manifest --check &&
    cargo test --manifest-path $manifest --target-dir "$target" --locked
}

main() {
  cd "$ROOT"
  "$ROOT/scripts/toolchain.sh" cargo
  step "format" cargo fmt --all --check
  step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
  step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet
  step "scripts" scripts_are_clean
  step "layers" only_the_runtime_knows_the_sdk
  step "dependencies" dependencies_are_allowed
  if [ "${1:-}" != --quick ]; then
    step "manifests" "$ROOT/scripts/manifests.sh" check
    step "limitador" limitador
    step "fuzzing" fuzzing
    step "reproducible modules" "$ROOT/scripts/reproducible.sh"
  fi
  [ "${#failed[@]}" = 0 ] || fail "$(IFS=,; echo "${failed[*]}")" "see the output above"
  say "all checks passed"
}

main "$@" </dev/null
