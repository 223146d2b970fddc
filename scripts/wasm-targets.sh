# shellcheck shell=bash
# Sourced by toolchain.sh: the standard library of a wasm target, by the first way that works on this machine.
#
#   rustup   the target is installed, or `rustup target add` gets it: plain cargo
#   debian   Debian's compiler and the source of its std, which cargo builds (-Zbuild-std): where rustup's server
#            is out of reach and a Debian mirror is not
#
# The outcome is .tools/<target>.env, which scripts source before they call cargo: environment, `cargo_args`, and
# `rust_flags` for CARGO_ENCODED_RUSTFLAGS. It is checked and written anew on every call, so that a removed package, an
# upgrade or a copied folder cannot leave it stale.

DEBIAN_RUSTC=/usr/bin/rustc
DEBIAN_STD=/usr/lib/rustlib/src/rust
DEBIAN_WASI=/usr/lib/wasm32-wasi

need_wasm_target() {
  local target=$1 wanted=${TOLLGATE_WASM:-any}
  case $wanted in
    any | rustup | debian) ;;
    *) fail "TOLLGATE_WASM=$wanted is no way to a wasm target" "set it to rustup or debian, or leave it unset" ;;
  esac
  if [ "$wanted" != debian ] && has_target "$target"; then
    remember_rustup "$target"
  elif [ "$wanted" != rustup ] && grep -qs '^# debian$' "$TOOLS/$target.env" && debian_works "$target"; then
    remember_debian "$target"
  elif [ "$wanted" != debian ] && add_target "$target"; then
    remember_rustup "$target"
  elif [ "$wanted" != rustup ] && debian_install "$target"; then
    remember_debian "$target"
  else
    fail "this machine has no Rust std for $target" \
      "rustup target add $target; or, on Debian or Ubuntu: apt-get install rustc-web rust-web-src wasi-libc"
  fi
}

sysroot() { rustc --print sysroot; }

has_target() { compgen -G "$(sysroot)/lib/rustlib/$1/lib/libstd-*.rlib" >/dev/null; }

add_target() {
  have rustup || return 1
  say "fetching the std of $1 with rustup (seconds, once)"
  logged "rustup-$1" limit 120 rustup target add "$1" 2>/dev/null && has_target "$1" && return 0
  say "rustup could not fetch it (see $TOOLS/log/rustup-$1.log)"
  return 1
}

debian_works() {
  local wanted
  [ -x $DEBIAN_RUSTC ] && [ -f $DEBIAN_STD/library/std/Cargo.toml ] || return 1
  [ "$1" != "$WASI" ] || [ -f $DEBIAN_WASI/libc.a ] || return 1
  [ -n "$(wasm_linker)" ] || return 1
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
  at_least "$($DEBIAN_RUSTC --version | awk '{ print $2 }')" "$wanted"
}

debian_install() {
  debian_works "$1" && return 0
  apt_install "std is built from source for the wasm targets (about 1 minute, once)" \
    rustc-web rust-web-src wasi-libc || return 1
  [ -n "$(wasm_linker)" ] || apt_install "the linker of the wasm targets" lld || return 1
  debian_works "$1"
}

wasm_linker() {
  local found
  for found in "$(sysroot)"/lib/rustlib/*/bin/rust-lld; do
    [ -x "$found" ] && echo "$found" && return 0
  done
  for found in rust-lld wasm-ld-22 wasm-ld; do
    command -v "$found" && return 0
  done
  return 0
}

# std's panic messages name its source files: under the same name, wherever the source is.
remember_rustup() {
  local commit
  commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
  remember "$1" <<EOF
# rustup
cargo_args=(--target $1)
rust_flags=(--remap-path-prefix "$(sysroot)/lib/rustlib/src/rust=/rustc/$commit")
EOF
}

remember_debian() {
  local target=$1 upper link=""
  upper=$(tr 'a-z-' 'A-Z_' <<<"$target")
  [ "$target" != "$WASI" ] || link="-C link-self-contained=no -L native=$DEBIAN_WASI"
  remember "$target" <<EOF
# debian
export RUSTC=$DEBIAN_RUSTC RUSTDOC=${DEBIAN_RUSTC%rustc}rustdoc RUSTC_BOOTSTRAP=1
export CARGO_TARGET_${upper}_LINKER="$(wasm_linker)"
cargo_args=(--target $target -Zbuild-std=std,panic_abort)
rust_flags=($link --remap-path-prefix "$DEBIAN_STD=/rustc/debian")
EOF
}

# remember TARGET <TEXT: replaces the file in one step, and only when it changes.
remember() {
  local file=$TOOLS/$1.env
  cat >"$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}

remember_runner() { printf 'export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="%s"\n' "$1" | remember runner; }
