# shellcheck shell=bash
# Sourced by toolchain.sh: a real image registry, and skopeo, which reads back what was pushed.

REGISTRY_HELP="set TOLLGATE_REGISTRY to docker-registry's program (distribution 2.8 or newer): apt-get install docker-registry, \
or docker cp /bin/registry from the image registry:2"
SKOPEO_HELP="set TOLLGATE_SKOPEO to a skopeo: apt-get install skopeo, dnf install skopeo, or brew install skopeo"

# Prints the path of a registry: the caller's own, then one on PATH, then the one from Debian's package.
need_registry() {
  local found
  if [ -n "${TOLLGATE_REGISTRY:-}" ]; then
    says_version "$TOLLGATE_REGISTRY" || fail "TOLLGATE_REGISTRY=$TOLLGATE_REGISTRY is no registry that runs here" \
      "point it at one, or unset it"
    echo "$TOLLGATE_REGISTRY" && return 0
  fi
  for found in $(type -ap docker-registry) "$TOOLS/registry/usr/bin/docker-registry"; do
    if says_version "$found"; then echo "$found" && return 0; fi
  done
  unpack_packages registry "a registry from this system's packages (5 MB, once)" "$REGISTRY_HELP" docker-registry
  says_version "$TOOLS/registry/usr/bin/docker-registry" ||
    fail "the registry of this system's packages does not run" "$REGISTRY_HELP"
  echo "$TOOLS/registry/usr/bin/docker-registry"
}

# Prints the path of a skopeo, found in the same way.
need_skopeo() {
  local found
  if [ -n "${TOLLGATE_SKOPEO:-}" ]; then
    says_version "$TOLLGATE_SKOPEO" || fail "TOLLGATE_SKOPEO=$TOLLGATE_SKOPEO is no skopeo that runs here" \
      "point it at one, or unset it"
    echo "$TOLLGATE_SKOPEO" && return 0
  fi
  for found in $(type -ap skopeo) "$TOOLS/skopeo/skopeo"; do
    if says_version "$found"; then echo "$found" && return 0; fi
  done
  # The libraries are those that few machines have already, under the names of two releases.
  unpack_packages skopeo "skopeo from this system's packages (6 MB, once)" "$SKOPEO_HELP" \
    skopeo libgpgme11t64,libgpgme11 libassuan9,libassuan0 libgpg-error0 libdevmapper1.02.1
  cat >"$TOOLS/skopeo/skopeo" <<'END'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$(echo "$here"/lib/*-linux-gnu):$(echo "$here"/usr/lib/*-linux-gnu)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "$here/usr/bin/skopeo" "$@"
END
  chmod +x "$TOOLS/skopeo/skopeo"
  says_version "$TOOLS/skopeo/skopeo" || fail "the skopeo of this system's packages does not run" "$SKOPEO_HELP"
  echo "$TOOLS/skopeo/skopeo"
}

says_version() {
  [ -f "$1" ] && [ -x "$1" ] && limit 20 "$1" --version >/dev/null 2>&1
}

# unpack_packages NAME WHAT HELP PACKAGE...: unpacked and not installed: that needs no root, and an installed
# docker-registry would start one of its own. Of names with commas between them the first that there is.
unpack_packages() {
  local name=$1 what=$2 help=$3 new=$TOOLS/$1.new
  shift 3
  { have apt-get && have dpkg-deb; } || fail "there is no $name" "$help"
  say "fetching $what"
  rm -rf "$new"
  mkdir -p "$new/packages"
  logged "$name" download_packages "$new" "$@" 2>/dev/null ||
    { logged apt-update apt_get update && logged "$name" download_packages "$new" "$@"; } ||
    fail "apt-get cannot fetch $name" "see the lines above, or $help"
  rm -rf "$new/packages" "${TOOLS:?}/$name"
  mv "$new" "$TOOLS/$name"
}

download_packages() (
  cd "$1/packages" || exit
  shift
  for names in "$@"; do
    got=no
    for package in ${names//,/ }; do
      if apt-get -q download "$package"; then got=yes && break; fi
    done
    [ "$got" = yes ] || exit 1
  done
  for package in *.deb; do dpkg-deb -x "$package" .. || exit; done
)
