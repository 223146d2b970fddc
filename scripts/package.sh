#!/usr/bin/env bash
# Makes a release of this tree in dist/release, and checks what it made as whoever downloads it would:
#
#   <filter>.wasm        the modules, built twice in two folders with the same bytes, their imports checked
#   <filter>.cdx.json    what is in each (CycloneDX), from the module's own dependencies
#   oci-digests.txt      the references to pin: what a registry calls each module
#   manifests.tar.gz     manifests/ with these digests
#   NOTES.md             this version's section of the changelog
#   SHA256SUMS, .sig     of all of it, signed; allowed_signers says with which key
#
# TOLLGATE_SIGNING_KEY  the file of a private key of ssh-keygen to sign with; without one a key is made for this run and thrown away
# TOLLGATE_DIST         modules that were built and compared already, to save doing it again
# TOLLGATE_TOOL, TOLLGATE_MODULE_TOOLS, TOLLGATE_CYCLONEDX  built programs, to save building them
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CYCLONEDX=0.5.9
NAMESPACE=tollgate-release
SIGNER=release@tollgate

modules() {
  if [ -n "${TOLLGATE_DIST:-}" ]; then
    say "taking the modules of $TOLLGATE_DIST as they are: not built, not compared"
  else
    "$ROOT/scripts/reproducible.sh"
  fi
  cp "${TOLLGATE_DIST:-dist}"/*.wasm "$release/"
}

# What Envoy does not have would block every listener update, even under FAIL_OPEN.
imports_are_allowed() {
  local module
  for module in "$release"/*.wasm; do
    "$module_tools" inspect "$module" >"$work/inspected" || fail "$module imports what Envoy lacks" "see the line above"
    say "$(head -n 1 "$work/inspected"), $(grep '^imports' "$work/inspected") all known to Envoy"
  done
}

cyclonedx() {
  [ -z "${TOLLGATE_CYCLONEDX:-}" ] || { echo "$TOLLGATE_CYCLONEDX" && return; }
  local home=$TOOLS/cargo-cyclonedx-$CYCLONEDX
  if ! [ -x "$home/bin/cargo-cyclonedx" ]; then
    say "building cargo-cyclonedx $CYCLONEDX, which lists what is in a module (3 minutes, once)"
    # Lightly optimized: it is built once and runs for a second.
    logged cyclonedx env -u CARGO_TARGET_DIR -u RUSTFLAGS CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
      cargo install cargo-cyclonedx --version "=$CYCLONEDX" --locked --root "$home" ||
      fail "cannot build cargo-cyclonedx $CYCLONEDX" "see the lines above; is crates.io in reach?"
  fi
  echo "$home/bin/cargo-cyclonedx"
}

# It writes into the folders of all packages, and counts in what other packages and tests want of a crate: done in a copy of
# the tree, of which the module is the only member, and which has no tests.
boms() {
  local package program file copy=$work/tree
  program=$(cyclonedx)
  mkdir -p "$copy"
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar --null --files-from=- --create --file=- | tar -C "$copy" -xf -
  for file in "$copy"/shared/*/Cargo.toml "$copy"/filters/*/Cargo.toml; do
    awk '/^\[/ { tests = /dev-dependencies/ } !tests' "$file" >"$work/Cargo.toml" && mv "$work/Cargo.toml" "$file"
  done
  for package in "$release"/*.wasm; do
    package=$(basename "$package" .wasm)
    sed "s|^members = .*|members = [\"filters/$package\"]|" Cargo.toml >"$copy/Cargo.toml"
    (cd "$copy" && logged bom env SOURCE_DATE_EPOCH="$epoch" "$program" cyclonedx --format json --spec-version 1.5 \
      --target "$WASI" --no-build-deps --override-filename bom --manifest-path "filters/$package/Cargo.toml") ||
      fail "cannot list what is in $package" "see the lines above"
    crates_of "$package" >"$work/tree.txt"
    # Not where the copy was.
    sed "s|file://$copy|file:///tollgate|g" "$copy/filters/$package/bom.json" | only_these "$work/tree.txt" >"$release/$package.cdx.json"
    bom_is_whole "$package"
  done
}

# What cargo links into a module: NAME@VERSION.
crates_of() {
  cargo tree --locked -p "$1" --target "$WASI" --edges normal --prefix none --format '{p}' |
    awk '{ sub(/^v/, "", $2); print $1 "@" $2 }' | sort -u
}

# cargo-cyclonedx lists optional crates that a feature only mentions (`serdect?/alloc`) as if they were there.
only_these() {
  jq --rawfile tree "$1" '($tree | split("\n")) as $crates
    | .components |= map(select("\(.name)@\(.version)" as $crate | $crates | index($crate)))
    | [.metadata.component["bom-ref"], .components[]["bom-ref"]] as $refs
    | .dependencies |= map(select(.ref as $ref | $refs | index($ref)))
    | .dependencies[] |= if .dependsOn then .dependsOn |= map(select(. as $ref | $refs | index($ref))) else . end'
}

bom_is_whole() {
  jq -r '.metadata.component, .components[] | "\(.name)@\(.version)"' "$release/$1.cdx.json" | sort -u >"$work/bom.txt"
  if ! diff "$work/tree.txt" "$work/bom.txt" >"$work/diff.txt"; then
    cat "$work/diff.txt" >&2
    fail "$1.cdx.json is not what cargo tree says (< tree, > bom)" "does cargo-cyclonedx $CYCLONEDX know this Cargo.lock?"
  fi
  say "$1.cdx.json: $(wc -l <"$work/bom.txt") crates"
}

# What a registry will call the modules; those that no manifest names as well.
digests() {
  local module name
  for module in "$release"/*.wasm; do
    name=$(basename "$module" .wasm)
    "$tool" push --dry-run "$module" "oci://ghcr.io/tollgate/$name:$version"
  done >"$release/oci-digests.txt"
}

# Owner, order and times fixed: the same tree gives the same archive.
pinned_manifests() {
  cp -r manifests "$work/manifests"
  TOLLGATE_DIST=$release TOLLGATE_TOOL=$tool "$ROOT/scripts/pin.sh" "$work/manifests" >"$work/pins"
  # One tool, one digest for each module.
  grep '^oci://ghcr\.io/' "$work/pins" | grep -vxFf "$release/oci-digests.txt" >"$work/other-pins" &&
    fail "the manifests would name $(head -n 1 "$work/other-pins")" "compare with dist/release/oci-digests.txt"
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - manifests |
    gzip -n >"$release/manifests.tar.gz"
}

notes() {
  awk -v version="$version" '/^## / { here = index($0, "## [" version "]") == 1; next } here' CHANGELOG.md >"$release/NOTES.md"
  grep -q '[^[:space:]]' "$release/NOTES.md" || fail "CHANGELOG.md has no section [$version]" "write what changed for operators"
}

sign() {
  local key=${TOLLGATE_SIGNING_KEY:-}
  if [ -z "$key" ]; then
    say "TOLLGATE_SIGNING_KEY is not set: signing with a key of this run, which proves nothing to anyone else"
    key=$work/key
    ssh-keygen -q -t ed25519 -N '' -C 'thrown away' -f "$key"
  fi
  (cd "$release" && sha256sum -- *.wasm *.json *.txt *.gz *.md >SHA256SUMS)
  logged sign ssh-keygen -Y sign -n "$NAMESPACE" -f "$key" "$release/SHA256SUMS" ||
    fail "cannot sign with $key" "it has to be a private key of ssh-keygen, readable by its owner only"
  printf '%s namespaces="%s" %s\n' "$SIGNER" "$NAMESPACE" "$(ssh-keygen -y -f "$key")" >"$release/allowed_signers"
}

# verify FILE: as docs/release.md tells whoever downloads.
verify() {
  ssh-keygen -Y verify -f allowed_signers -I "$SIGNER" -n "$NAMESPACE" -s SHA256SUMS.sig <"$1" >/dev/null 2>&1
}

check_as_a_reader() (
  cd "$release"
  verify SHA256SUMS || fail "the signature does not verify" "is the key one of ssh-keygen's?"
  sha256sum --quiet --check SHA256SUMS || fail "SHA256SUMS does not fit the files" "see the lines above"
  sed '1s/^./x/' SHA256SUMS >"$work/forged"
  ! verify "$work/forged" || fail "the signature verifies for other sums as well" "do not ship this"
)

main() {
  cd "$ROOT"
  have ssh-keygen || fail "there is no ssh-keygen, which signs" "install openssh-client"
  have jq || apt_install "it cuts the list of crates" jq || fail "there is no jq" "install it: https://jqlang.org"
  have sha256sum || fail "there is no sha256sum" "install coreutils"
  version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
  epoch=$(git log -1 --format=%ct)
  release=$ROOT/dist/release
  work=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-package.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  rm -rf "$release" && mkdir -p "$release"
  notes
  modules
  tool=${TOLLGATE_TOOL:-$TARGET/debug/tollgate}
  module_tools=${TOLLGATE_MODULE_TOOLS:-$TARGET/debug/module-tools}
  [ -n "${TOLLGATE_TOOL:-}" ] || cargo build --quiet --locked -p cli
  [ -n "${TOLLGATE_MODULE_TOOLS:-}" ] || cargo build --quiet --locked -p module-tools
  imports_are_allowed
  boms
  digests
  pinned_manifests
  sign
  check_as_a_reader
  say "Tollgate $version is in dist/release:"
  wc -c "$release"/* | sed "s|$release/||" >&2
  cat "$release/oci-digests.txt"
}

main "$@" </dev/null
