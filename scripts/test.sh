#!/usr/bin/env bash
# Runs phases, in the order given, and ends with one summary whose last line is `tests: N passed, M failed`.
#
#   test.sh [check] [lint] [unit] [wasm] [build] [e2e]      without arguments: build unit wasm e2e
#
# A phase that fails does not stop the later ones, save that e2e needs the modules of build. A phase that dies, or that
# should run tests and runs none, counts as one failed test.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

passed=0 failed=0 summary=() built=yes

phase_check() { "$ROOT/scripts/check.sh"; }

phase_lint() { "$ROOT/scripts/check.sh" --quick; }

phase_unit() {
  "$ROOT/scripts/toolchain.sh" cargo
  # The suite's own harness and the telemetry are tried on an Envoy, with the modules that were built before.
  TOLLGATE_ENVOY=$("$ROOT/scripts/toolchain.sh" envoy)
  export TOLLGATE_ENVOY TOLLGATE_DIST=$ROOT/dist
  cargo test --workspace --locked --no-fail-fast
}

# The pure crates are those that have tests for wasm32.
pure_crates() {
  local manifest
  for manifest in shared/*/Cargo.toml; do
    if grep -q '^wasm-bindgen-test\b' "$manifest"; then basename "$(dirname "$manifest")"; fi
  done
}

phase_wasm() {
  local selected=() crate cargo_args=() rust_flags=()
  "$ROOT/scripts/toolchain.sh" browser
  # shellcheck disable=SC1090,SC1091 # written by toolchain.sh
  source "$TOOLS/$BROWSER.env" && source "$TOOLS/runner.env"
  for crate in $(pure_crates); do selected+=(-p "$crate"); done
  CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${rust_flags[*]}")
  export CARGO_ENCODED_RUSTFLAGS
  # No doctests: they would run through another rustdoc.
  cargo test --locked --no-fail-fast --lib --tests --target-dir "$WASM_TARGET" "${cargo_args[@]}" "${selected[@]}"
}

phase_build() { "$ROOT/scripts/build.sh"; }

phase_e2e() {
  TOLLGATE_ENVOY=$("$ROOT/scripts/toolchain.sh" envoy)
  TOLLGATE_REDIS=$("$ROOT/scripts/toolchain.sh" redis)
  TOLLGATE_LIMITADOR=$("$ROOT/scripts/toolchain.sh" limitador)
  TOLLGATE_REGISTRY=$("$ROOT/scripts/toolchain.sh" registry)
  TOLLGATE_SKOPEO=$("$ROOT/scripts/toolchain.sh" skopeo)
  export TOLLGATE_ENVOY TOLLGATE_REDIS TOLLGATE_LIMITADOR TOLLGATE_REGISTRY TOLLGATE_SKOPEO TOLLGATE_DIST=$ROOT/dist
  # The workspace and not the package: with other features all dependencies would be built once more.
  cargo test --workspace --locked --no-fail-fast --test suite
}

# Adds up the `test result:` lines of every runner: prints "PASSED FAILED".
results() {
  sed $'s/\033\\[[0-9;]*m//g' "$1" |
    sed -n 's/^ *test result: [A-Za-z]*\. \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' |
    awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
}

# note PHASE PASSED FAILED REMARK
note() {
  passed=$((passed + $2)) failed=$((failed + $3))
  summary+=("$(printf '%-6s %5d passed %4d failed  %s' "$1" "$2" "$3" "$4")")
}

run_phase() {
  local name=$1 start=$SECONDS status good bad remark
  echo "=== $name"
  # Bash ignores the phase's `set -e` inside a condition: neither this pipeline nor a call of run_phase may be in one.
  set +e
  (
    set -e
    "phase_$name"
  ) 2>&1 | tee "$logs/$name"
  status=${PIPESTATUS[0]}
  set -e
  read -r good bad <<<"$(results "$logs/$name")"
  remark="$((SECONDS - start)) s"
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
    bad=1 remark+=", died with status $status"
  elif [ "$status" = 0 ] && [ $((good + bad)) = 0 ] && [[ $name != check && $name != lint && $name != build ]]; then
    bad=1 remark+=", ran no test"
  fi
  note "$name" "$good" "$bad" "$remark"
  if [ "$name" = build ] && [ "$status" != 0 ]; then built=no; fi
}

main() {
  local phase
  [ $# -gt 0 ] || set -- build unit wasm e2e
  for phase in "$@"; do
    declare -F "phase_$phase" >/dev/null || fail "there is no phase $phase" "one of: check lint unit wasm build e2e"
  done
  cd "$ROOT"
  logs=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-test.XXXXXX")
  trap 'rm -rf "$logs"' EXIT
  for phase in "$@"; do
    if [ "$phase" = e2e ] && [ "$built" = no ]; then
      note e2e 0 1 "not run: the modules did not build"
    else
      run_phase "$phase"
    fi
  done
  echo "=== summary"
  printf '%s\n' "${summary[@]}"
  echo "tests: $passed passed, $failed failed"
  [ "$failed" = 0 ]
}

main "$@" </dev/null
