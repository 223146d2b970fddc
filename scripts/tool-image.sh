# shellcheck shell=bash
# Sourced by docker.sh and kind.sh: the image tollgate:local, which is the tool and nothing else.

TOOL_IMAGE=tollgate:local

# With all its libraries inside: the image has nothing else, whatever this machine has.
build_tool_image() {
  local host context=$TARGET/docker
  host=$(rustc -vV | sed -n 's/^host: //p')
  case $host in
    *-linux-gnu) ;;
    *) fail "the tool's image is built on Linux with glibc, and this is $host" "use make run" ;;
  esac
  say "building the image $TOOL_IMAGE (some minutes the first time)"
  RUSTFLAGS="-C target-feature=+crt-static" logged tool-image \
    cargo build --locked -p cli --bin tollgate --target "$host" --target-dir "$context/build" ||
    fail "cannot build the tool" "see the lines above; glibc's static libraries come with libc6-dev (glibc-static elsewhere)"
  mkdir -p "$context/image"
  cp "$context/build/$host/debug/tollgate" "$context/image/tollgate"
  logged tool-image docker build --tag "$TOOL_IMAGE" --file "$ROOT/e2e/docker/Dockerfile" "$context/image" ||
    fail "cannot build the image $TOOL_IMAGE" "see the lines above"
}

need_docker() {
  have docker || fail "there is no docker" "https://docs.docker.com/engine/install, or apt-get install docker.io docker-compose"
  docker info >/dev/null 2>&1 || fail "docker does not answer" "start its engine, and see that you may use it (group docker)"
}
