# shellcheck shell=bash disable=SC2034 # its variables are for the scripts that source it
# Sourced by every script: where things are, and how to speak, fail, wait and install.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TOOLS=${TOLLGATE_TOOLS:-$ROOT/.tools}
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
# Apart from native builds: the wasm compiler may be another one, and its artifacts do not mix.
WASM_TARGET=$TARGET/wasm
WASI=wasm32-wasip1
BROWSER=wasm32-unknown-unknown

# A shell that did not read the login profile still finds rustup's tools.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

# stdout belongs to answers (a path, a summary), so progress goes to stderr.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# fail WHAT REMEDY
fail() {
  printf '%s: FAILED: %s\n' "${0##*/}" "$1" >&2
  [ $# -lt 2 ] || printf '  remedy: %s\n' "$2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# limit SECONDS COMMAND...: macOS has no timeout(1); there the command has to end by itself.
limit() {
  local seconds=$1
  shift
  if have timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# logged NAME COMMAND...: keeps a long command's output in a file and shows its end only when it fails.
logged() {
  local log=$TOOLS/log/$1.log
  shift
  mkdir -p "$TOOLS/log"
  if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  printf '  the last lines of %s:\n' "$log" >&2
  tail -n 12 "$log" | sed 's/^/  | /' >&2
  return 1
}

# at_least HAVE WANT: compares versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# locked_version CRATE: its version in Cargo.lock; nothing when the lock file does not have it.
locked_version() {
  [ -f "$ROOT/Cargo.lock" ] || return 0
  awk -v crate="\"$1\"" '$1 == "name" { found = $3 == crate } $1 == "version" && found { gsub(/"/, "", $3); print $3; exit }' \
    "$ROOT/Cargo.lock"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo -n "$@"
  else
    echo "needs root, and there is no sudo" && return 1
  fi
}

apt_missing() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
    apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
}

# apt_install WHY PACKAGE...: installs what is missing; refreshes the package lists only when they do not do.
apt_install() {
  local why=$1 missing
  shift
  have apt-get || return 1
  missing=$(apt_missing "$@")
  [ -n "$missing" ] || return 0
  say "installing ${missing//$'\n'/ } with apt-get: $why"
  # shellcheck disable=SC2086 # one word per package
  if ! logged apt apt_get install $missing 2>/dev/null; then
    logged apt-update apt_get update || return 1
    logged apt apt_get install $missing || return 1
  fi
}
