# shellcheck shell=bash
# Sourced by kind.sh: kind, kubectl and istioctl, from the PATH or fetched into .tools.

# What was fetched before is found without asking.
find_kind_tools() { PATH=$TOOLS/kind-$KIND_VERSION:$TOOLS/istio-$ISTIO_VERSION:$PATH; }

need_kind_tools() {
  have kubectl || fail "there is no kubectl" "https://kubernetes.io/docs/tasks/tools"
  have kind || fetch_kind
  # Another istioctl would install another Istio.
  [ -x "$TOOLS/istio-$ISTIO_VERSION/istioctl" ] || fetch_istioctl
}

# platform: linux-amd64 and so on, as both projects name their files.
platform() {
  local machine
  case $(uname -m) in
    x86_64) machine=amd64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no kind for $(uname -m)" "use another machine" ;;
  esac
  echo "$(uname | tr '[:upper:]' '[:lower:]')-$machine"
}

# fetch URL FILE CHECKSUM-URL: with the checksum that is published beside it.
fetch() {
  local url=$1 file=$2 wanted found
  curl --fail --silent --show-error --location --max-time 300 --output "$file" "$url" &&
    wanted=$(curl --fail --silent --show-error --location --max-time 60 "$3" | awk '{ print $1 }') &&
    found=$(sha256sum "$file" | awk '{ print $1 }') &&
    [ "$wanted" = "$found" ]
}

fetch_kind() {
  local folder=$TOOLS/kind-$KIND_VERSION url
  url=https://github.com/kubernetes-sigs/kind/releases/download/v$KIND_VERSION/kind-$(platform)
  say "fetching kind $KIND_VERSION"
  mkdir -p "$folder"
  fetch "$url" "$folder/kind.new" "$url.sha256sum" ||
    fail "cannot fetch kind $KIND_VERSION, or its checksum is another" "install it: https://kind.sigs.k8s.io"
  chmod +x "$folder/kind.new"
  mv "$folder/kind.new" "$folder/kind"
}

fetch_istioctl() {
  local folder=$TOOLS/istio-$ISTIO_VERSION platform url
  platform=$(platform)
  # Istio calls macOS osx.
  url=https://github.com/istio/istio/releases/download/$ISTIO_VERSION/istioctl-$ISTIO_VERSION-${platform/darwin/osx}.tar.gz
  say "fetching istioctl $ISTIO_VERSION"
  mkdir -p "$folder"
  fetch "$url" "$folder/istioctl.tar.gz" "$url.sha256" ||
    fail "cannot fetch istioctl $ISTIO_VERSION, or its checksum is another" "is $ISTIO_VERSION a release of Istio?"
  tar -C "$folder" -xzf "$folder/istioctl.tar.gz" istioctl
}
