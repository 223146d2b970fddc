#!/usr/bin/env bash
# Tollgate in docker: e2e/docker/compose.yaml with what it mounts.
#
#   docker.sh up      build modules and tool, start everything afresh, wait until a request is answered
#   docker.sh down    end everything, and forget what it held
#   docker.sh logs    what the tool says of changes, as they happen
#   docker.sh e2e     the end-to-end suite with every Envoy in a container (arguments go to the test program)
#
# TOLLGATE_PORT, TOLLGATE_ADMIN_PORT, TOLLGATE_PROMETHEUS_PORT   ports of this machine instead of 8080, 9901 and 9090
# TOLLGATE_MANIFESTS, TOLLGATE_DIST                              other folders of manifests and modules
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/tool-image.sh
source "$ROOT/scripts/tool-image.sh"

HOME_DIR=$ROOT/e2e/docker
BASE=http://127.0.0.1:${TOLLGATE_PORT:-8080}
PATIENCE=180

# Version 2 is a plugin of docker, version 1 a program.
compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose --project-name tollgate --file "$HOME_DIR/compose.yaml" "$@"
  elif have docker-compose; then
    docker-compose --project-name tollgate --file "$HOME_DIR/compose.yaml" "$@"
  else
    fail "there is no docker compose" "install docker-compose-v2, docker-compose-plugin or docker-compose"
  fi
}

answered() { curl --silent --output /dev/null --max-time 2 "$BASE/"; }

up() {
  have curl || fail "there is no curl" "install it"
  [ -n "${TOLLGATE_DIST:-}" ] || "$ROOT/scripts/build.sh"
  build_tool_image
  # Afresh: an Envoy that was told by an earlier tool would take this one's first words for old ones.
  logged docker-down compose down --volumes || fail "cannot end what runs" "see the lines above"
  logged docker-up compose up --detach ||
    fail "cannot start" "see the lines above; where no image can be pulled: e2e/docker/stand-ins.sh"
  local start=$SECONDS
  until answered; do
    if [ $((SECONDS - start)) -gt "$PATIENCE" ]; then
      compose logs --tail 30 tollgate envoy >&2 || true
      fail "no answer at $BASE after $PATIENCE s" "see the lines above"
    fi
    sleep 0.2
  done
  cat <<EOF
requests go to   $BASE (Envoy in docker, in front of an echo)
Envoy's admin    http://127.0.0.1:${TOLLGATE_ADMIN_PORT:-9901}
Prometheus       http://127.0.0.1:${TOLLGATE_PROMETHEUS_PORT:-9090}
try:
  curl -i $BASE/api/orders -H 'host: shop.example.com' -H 'x-internal-user: root' -H 'x-old: 1'
Change a rule in manifests/base, save, and repeat it. What became of a change:
  scripts/docker.sh logs
EOF
}

down() { logged docker-down compose down --volumes --remove-orphans || fail "cannot end it" "see the lines above"; }

logs() { compose logs --follow tollgate; }

# Redis and Limitador stay processes of this machine: it is Envoy that is another one.
e2e() {
  local image
  image=$(sed -n 's/^ *image: \(envoyproxy.*\)/\1/p' "$HOME_DIR/compose.yaml")
  [ -n "${TOLLGATE_DIST:-}" ] || "$ROOT/scripts/build.sh"
  docker image inspect "$image" >/dev/null 2>&1 || logged docker-pull docker pull "$image" ||
    fail "there is no $image" "where no image can be pulled: e2e/docker/stand-ins.sh"
  TOLLGATE_REDIS=$("$ROOT/scripts/toolchain.sh" redis)
  TOLLGATE_LIMITADOR=$("$ROOT/scripts/toolchain.sh" limitador)
  export TOLLGATE_REDIS TOLLGATE_LIMITADOR TOLLGATE_DIST=${TOLLGATE_DIST:-$ROOT/dist} E2E_MESH=docker
  docker run --rm --entrypoint envoy "$image" --version
  cargo test -p e2e --locked --no-fail-fast --test suite -- "$@"
}

case ${1:-} in
  up | down | logs | e2e) ;;
  *) sed -n '4,7s/^# *//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
cd "$ROOT"
need_docker
"$@"
