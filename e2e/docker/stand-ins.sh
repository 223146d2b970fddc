#!/usr/bin/env bash
# Makes images under the official tags of compose.yaml, for a machine that can pull none: Debian with the release binary of
# Envoy, with Debian's Redis and Prometheus, and with Limitador's engine as e2e/limitador serves it.
#
# They are NOT the official images. They serve to try compose.yaml, scripts/docker.sh and E2E_MESH=docker as they are; what was
# run on them was run on them, and is to be called so. `stand-ins.sh remove` takes the tags away again, so that the next pull
# brings the real ones. Needs root, debootstrap and a docker engine.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

tag() { sed -n "s/^ *image: \(.*$1.*\)/\1/p" "$ROOT/e2e/docker/compose.yaml"; }

# Marks what it makes: neither make nor remove touches an image that came from a registry.
LABEL=dev.tollgate.stand-in

# rootfs FOLDER
rootfs() {
  have debootstrap || apt_install "it makes the root of the stand-in images" debootstrap ||
    fail "there is no debootstrap" "apt-get install debootstrap"
  say "making the root of the images from Debian's packages (half a minute)"
  logged debootstrap as_root debootstrap --variant=minbase --include=ca-certificates,redis-server,prometheus,libssl3 \
    bookworm "$1" || fail "debootstrap does not work here" "see the lines above"
  cp "$("$ROOT/scripts/toolchain.sh" envoy)" "$1/usr/local/bin/envoy"
  cp "$("$ROOT/scripts/toolchain.sh" limitador)" "$1/usr/local/bin/limitador-service"
  # The official server's arguments, as far as compose.yaml gives them.
  cat >"$1/usr/local/bin/limitador-server" <<'EOF'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
[ "$2" = redis ] || exit 2
exec limitador-service --limits "$1" --redis "$3" --listen 0.0.0.0:8081 --reconnect-at-once
EOF
  # The official image is built to take clients of other containers; Debian's is not.
  cat >"$1/usr/local/bin/redis-server" <<'EOF'
#!/bin/sh
exec /usr/bin/redis-server "$@" --protected-mode no
EOF
  chmod +x "$1/usr/local/bin/limitador-server" "$1/usr/local/bin/redis-server"
}

# image TAG CHANGE...: the root under a tag
image() {
  local tag=$1 change changes=()
  shift
  if docker image inspect "$tag" >/dev/null 2>&1 && ! is_stand_in "$tag"; then
    say "$tag is there and no stand-in: it stays"
    return 0
  fi
  for change in "LABEL $LABEL=true" "$@"; do changes+=(--change "$change"); done
  logged "import" docker import "${changes[@]}" "$archive" "$tag" || fail "docker does not take $tag" "see the lines above"
  say "$tag is now a STAND-IN, not the official image"
}

is_stand_in() { [ "$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null)" = true ]; }

make_all() {
  local folder archive
  folder=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-stand-ins.XXXXXX")
  # shellcheck disable=SC2064 # the folder as it is now
  trap "as_root rm -rf '$folder'" EXIT
  rootfs "$folder/root"
  archive=$folder/root.tar
  as_root tar -C "$folder/root" -cf "$archive" --exclude=./var/cache/apt --exclude=./var/lib/apt .
  image "$(tag envoyproxy)" 'ENTRYPOINT ["envoy"]'
  image "$(tag limitador)" 'CMD ["limitador-server"]'
  image "$(tag redis)" 'CMD ["redis-server"]'
  image "$(tag prom)" 'ENTRYPOINT ["prometheus"]'
}

remove_all() {
  local tag
  for tag in $(tag envoyproxy) $(tag limitador) $(tag redis) $(tag prom); do
    if is_stand_in "$tag"; then docker image rm --force "$tag" >/dev/null && say "$tag removed"; fi
  done
}

case ${1:-make} in
  make | remove) docker info >/dev/null 2>&1 || fail "there is no docker engine" "start it: dockerd" ;;
  *) fail "there is no $1" "stand-ins.sh [make | remove]" ;;
esac
"${1:-make}_all"
