# shellcheck shell=bash
# Sourced by toolchain.sh: a real Redis, and Limitador's engine that counts in it.

# Limitador's scripts say `expire ... NX`, which Redis knows since 7.0.
REDIS_VERSION=7.0
REDIS_HELP="set TOLLGATE_REDIS to a redis-server of version $REDIS_VERSION or newer: apt-get install redis-server, \
brew install redis, or docker cp from the image redis:7"

# Prints the path of a redis-server: the caller's own, then one on PATH, then the one from Debian's package.
need_redis() {
  local found
  if [ -n "${TOLLGATE_REDIS:-}" ]; then
    is_redis "$TOLLGATE_REDIS" ||
      fail "TOLLGATE_REDIS=$TOLLGATE_REDIS is no redis-server $REDIS_VERSION or newer that runs here" \
        "point it at one, or unset it"
    echo "$TOLLGATE_REDIS" && return 0
  fi
  for found in $(type -ap redis-server) "$TOOLS/redis/redis-server"; do
    if is_redis "$found"; then echo "$found" && return 0; fi
  done
  install_redis
  echo "$TOOLS/redis/redis-server"
}

is_redis() {
  local version
  [ -f "$1" ] && [ -x "$1" ] || return 1
  version=$(limit 20 "$1" --version 2>/dev/null | sed -n 's/^Redis server v=\([0-9.]*\).*/\1/p')
  [ -n "$version" ] && at_least "$version" "$REDIS_VERSION"
}

# Unpacked and not installed: that needs no root, and the installed package would start a Redis of its own on 6379.
install_redis() {
  local new=$TOOLS/redis.new
  { have apt-get && have dpkg-deb; } || fail "there is no redis-server $REDIS_VERSION or newer" "$REDIS_HELP"
  say "fetching Redis from this system's packages (1 MB, once)"
  rm -rf "$new"
  mkdir -p "$new/packages"
  logged redis download_redis "$new" 2>/dev/null ||
    { logged apt-update apt_get update && logged redis download_redis "$new"; } ||
    fail "apt-get cannot fetch redis-tools" "see the lines above, or $REDIS_HELP"
  # The program goes by many names: as redis-server it serves.
  cat >"$new/redis-server" <<'EOF'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$here/bin/redis-server" "$@"
EOF
  chmod +x "$new/redis-server"
  mkdir -p "$new/bin"
  ln -s ../usr/bin/redis-check-rdb "$new/bin/redis-server"
  rm -rf "$new/packages"
  is_redis "$new/redis-server" ||
    fail "the Redis of this system's packages does not run, or is older than $REDIS_VERSION" "$REDIS_HELP"
  rm -rf "$TOOLS/redis"
  mv "$new" "$TOOLS/redis"
}

# download_redis FOLDER: the program is in redis-tools; the libraries are those that few machines have already.
download_redis() (
  cd "$1/packages" || exit
  apt-get -q download redis-tools liblzf1 libjemalloc2 libatomic1 || exit
  for package in *.deb; do dpkg-deb -x "$package" .. || exit; done
)

# Builds Limitador's engine with its service, and prints the path of the program. Its crate is a workspace of its own.
need_limitador() {
  local program=$TARGET/limitador/debug/limitador-service
  if [ -n "${TOLLGATE_LIMITADOR:-}" ]; then
    { [ -f "$TOLLGATE_LIMITADOR" ] && [ -x "$TOLLGATE_LIMITADOR" ]; } ||
      fail "TOLLGATE_LIMITADOR=$TOLLGATE_LIMITADOR is no program" "point it at a built limitador-service, or unset it"
    echo "$TOLLGATE_LIMITADOR" && return 0
  fi
  if [ "$(uname)" = Linux ] && ! { have pkg-config && pkg-config --exists openssl; }; then
    apt_install "Limitador's Redis client is built with OpenSSL" libssl-dev pkg-config ||
      fail "there is no OpenSSL to build Limitador's Redis client with" \
        "install it: apt-get install libssl-dev pkg-config, or dnf install openssl-devel pkgconf"
  fi
  [ -x "$program" ] || say "building Limitador, the rate limit engine (a minute and a half, once)"
  logged limitador cargo build --locked --manifest-path "$ROOT/e2e/limitador/Cargo.toml" --target-dir "$TARGET/limitador" ||
    fail "cannot build Limitador" "see the lines above"
  echo "$program"
}
