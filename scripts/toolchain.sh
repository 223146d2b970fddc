#!/usr/bin/env bash
# The one door to everything a build or a test needs and a fresh machine may lack. It finds or makes it, says what it
# is doing when that takes a while, and does nothing the second time.
#
#   toolchain.sh cargo     a Rust compiler that is new enough, and a C linker
#   toolchain.sh wasi      everything to build filters (wasm32-wasip1)
#   toolchain.sh browser   everything to run the pure crates' tests in wasm32 (wasm32-unknown-unknown, its runner, node)
#   toolchain.sh envoy     an Envoy 1.40; prints the path of its binary
#   toolchain.sh redis     a Redis 7; prints the path of redis-server
#   toolchain.sh limitador the rate limit service of the end-to-end suite; prints the path of its binary
#   toolchain.sh registry  an image registry; prints the path of its binary
#   toolchain.sh skopeo    what reads images back; prints the path of its binary
#   toolchain.sh lint      shellcheck
#   toolchain.sh all       all of it, save lint
#
# TOLLGATE_ENVOY      an Envoy binary to use instead of finding one
# TOLLGATE_REDIS      a redis-server 7.0 or newer to use instead of finding one
# TOLLGATE_REGISTRY   a docker-registry (distribution 2.8 or newer) to use instead of finding one
# TOLLGATE_SKOPEO     a skopeo to use instead of finding one
# TOLLGATE_LIMITADOR  a built limitador-service (e2e/limitador), to save building it
# TOLLGATE_WASM       `rustup` or `debian`: take that way to the wasm targets and no other
# TOLLGATE_TOOLS      where downloads and choices are kept instead of .tools
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/wasm-targets.sh
source "$ROOT/scripts/wasm-targets.sh"
# shellcheck source=scripts/envoy.sh
source "$ROOT/scripts/envoy.sh"
# shellcheck source=scripts/redis.sh
source "$ROOT/scripts/redis.sh"
# shellcheck source=scripts/registry.sh
source "$ROOT/scripts/registry.sh"

RUSTUP_HELP="install Rust from https://rustup.rs: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"

# Two makes at once would otherwise download into the same place.
lock_tools() {
  mkdir -p "$TOOLS" || fail "cannot write $TOOLS" "make it writable, or set TOLLGATE_TOOLS to a folder that is"
  have flock || return 0
  exec 9>"$TOOLS/lock"
  if ! flock -n 9; then
    say "waiting for another make that is preparing $TOOLS"
    flock 9
  fi
}

need_cargo() {
  local wanted found
  { have cargo && have rustc; } || fail "there is no cargo on PATH" "$RUSTUP_HELP"
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
  found=$(rustc --version 2>/dev/null | awk '{ print $2 }')
  [ -n "$found" ] || fail "rustc does not run" "rustup default stable, or $RUSTUP_HELP"
  at_least "$found" "$wanted" || fail "Rust $found is older than $wanted, which this workspace needs" "rustup update stable"
}

need_c_compiler() {
  have cc || have gcc || have clang || apt_install "the linker of native builds" gcc libc6-dev ||
    fail "there is no C compiler, which Rust links native programs with" \
      "install one: apt-get install gcc libc6-dev, dnf install gcc, or xcode-select --install"
}

need_node() {
  have node || apt_install "it runs the wasm32 tests" nodejs ||
    fail "there is no node, which runs the wasm32 tests" "install Node.js 18 or newer: https://nodejs.org"
}

# The runner and the crate speak a private protocol, so their versions have to be the same.
need_bindgen_runner() {
  local version home
  version=$(locked_version wasm-bindgen)
  [ -n "$version" ] || fail "wasm-bindgen is not in Cargo.lock" "run: cargo generate-lockfile"
  home=$TOOLS/wasm-bindgen-$version
  if [ "$("$home/bin/wasm-bindgen-test-runner" --version 2>/dev/null)" != "wasm-bindgen-test-runner $version" ]; then
    say "building wasm-bindgen-test-runner $version, which runs the wasm32 tests (about 3 minutes, once)"
    install_bindgen_runner "$version" "$home"
  fi
  remember_runner "$home/bin/wasm-bindgen-test-runner"
}

install_bindgen_runner() {
  local version=$1 home=$2
  # Lightly optimized: it is built once and runs for a second. Without TLS: it talks to no one.
  local command=(env -u CARGO_TARGET_DIR -u RUSTFLAGS CARGO_PROFILE_RELEASE_OPT_LEVEL=1
    cargo install wasm-bindgen-cli --version "=$version" --no-default-features
    --bin wasm-bindgen-test-runner --root "$home" --force)
  # A registry mirror that lags behind lacks some of the locked dependencies; slightly older ones do as well.
  logged wasm-bindgen-locked "${command[@]}" --locked 2>/dev/null ||
    logged wasm-bindgen "${command[@]}" ||
    fail "cannot build wasm-bindgen-cli $version" "see the lines above; is crates.io in reach?"
}

main() {
  local wanted=${1:-}
  case $wanted in
    cargo | wasi | browser | envoy | redis | limitador | registry | skopeo | lint | all) ;;
    *) sed -n '5,14s/^# *//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
  cd "$ROOT"
  lock_tools
  case $wanted in cargo | wasi | browser | limitador | all) need_cargo && need_c_compiler ;; esac
  case $wanted in wasi | all) need_wasm_target "$WASI" ;; esac
  case $wanted in browser | all) need_node && need_wasm_target "$BROWSER" && need_bindgen_runner ;; esac
  case $wanted in envoy | all) need_envoy ;; esac
  case $wanted in redis | all) need_redis ;; esac
  case $wanted in limitador | all) need_limitador ;; esac
  case $wanted in registry | all) need_registry ;; esac
  case $wanted in skopeo | all) need_skopeo ;; esac
  case $wanted in lint) have shellcheck || apt_install "it reads the scripts" shellcheck || exit 1 ;; esac
}

main "$@" </dev/null
