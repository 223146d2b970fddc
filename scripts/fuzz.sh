#!/usr/bin/env bash
# Fuzzes what comes from outside: all targets of shared/fuzz at once, each from its committed seeds, for a minute.
#
# TOLLGATE_FUZZ_SECONDS  for how long instead of 60
# TOLLGATE_FUZZ_CORPUS   a folder in which to keep what was found worth keeping; thrown away when not given
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECONDS_EACH=${TOLLGATE_FUZZ_SECONDS:-60}
CRATE=$ROOT/shared/fuzz

# What `cargo fuzz` passes to stable compilers as well: LLVM's own coverage, without a sanitizer.
FLAGS=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing)

targets() {
  local file
  for file in "$CRATE"/targets/*.rs; do basename "$file" .rs; done
}

# A target is named so that the flags do not reach build scripts and macros.
build() (
  local host
  host=$(rustc -vV | sed -n 's/^host: //p')
  CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${FLAGS[*]}")
  export CARGO_ENCODED_RUSTFLAGS
  cargo build --release --locked --manifest-path "$CRATE/Cargo.toml" --target "$host" --target-dir "$TARGET/fuzz"
  echo "$TARGET/fuzz/$host/release" >"$work/bin"
)

# libFuzzer needs a C++ compiler. Without one there is nothing to run.
can_build() { have c++ || have g++ || have clang++; }

# run TARGET: leaves its output in $work/TARGET.log, and the input of a crash in $TARGET/fuzz/crashes.
run() {
  local target=$1 corpus=$work/$1
  mkdir -p "$corpus"
  limit $((SECONDS_EACH + 60)) "$(cat "$work/bin")/$target" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 \
    -max_len=16384 -print_final_stats=1 -artifact_prefix="$TARGET/fuzz/crashes/$target-" \
    "$corpus" "$CRATE/seeds/$target" >"$work/$target.log" 2>&1
}

tell() {
  local target=$1 log=$work/$1.log
  awk -v target="$target" '/stat::number_of_executed_units/ { runs = $NF } / cov: / { cov = $0 }
    END { sub(/.*cov: /, "", cov); sub(/ .*/, "", cov); printf "  %-12s %d inputs, %d edges\n", target, runs, cov }' "$log" >&2
}

main() {
  local target failed=() ids=()
  cd "$ROOT"
  if ! can_build; then
    say "SKIPPED fuzzing: there is no C++ compiler, which libFuzzer is built with (apt-get install g++)"
    return 0
  fi
  work=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-fuzz.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$TARGET/fuzz/crashes"
  build
  say "fuzzing $(targets | paste -sd ' ') for $SECONDS_EACH s"
  for target in $(targets); do
    run "$target" &
    ids+=("$target:$!")
  done
  for target in "${ids[@]}"; do
    if wait "${target#*:}"; then
      tell "${target%%:*}"
    else
      failed+=("${target%%:*}")
    fi
  done
  [ -z "${TOLLGATE_FUZZ_CORPUS:-}" ] || for target in $(targets); do
    mkdir -p "$TOLLGATE_FUZZ_CORPUS/$target" && cp -r "$work/$target/." "$TOLLGATE_FUZZ_CORPUS/$target/"
  done
  [ "${#failed[@]}" = 0 ] && return 0
  for target in "${failed[@]}"; do
    say "$target:"
    grep -a -v '^#' "$work/$target.log" | tail -n 40 >&2
  done
  fail "crashed: ${failed[*]}" "the inputs are in $TARGET/fuzz/crashes; run one with: <target> <file>, in $(cat "$work/bin")"
}

main "$@" </dev/null
