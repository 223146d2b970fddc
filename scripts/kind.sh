#!/usr/bin/env bash
# The suite on a mesh: a kind cluster with a registry beside it, Istio, sample workloads, the `kind` overlay. Each step does
# nothing the second time, says what it does, and gives up after a while.
#
#   kind.sh up         cluster, registry, Gateway API, Istio (a revision), workloads
#   kind.sh push       modules of dist/ into the registry; their digests into .run/kind/modules
#   kind.sh apply      manifests/overlays/kind, and wait until each plugin is live
#   kind.sh test       the suite with E2E_MESH=kind, and the cases that only a mesh shows
#   kind.sh evidence   what could explain a failure, into .run/kind/evidence
#   kind.sh down       cluster and registry away
#   kind.sh all        all of it, evidence when something fails; TOLLGATE_KIND_KEEP=1 leaves the cluster
#
# ISTIO_VERSION         another Istio than that of e2e/kind/versions.env; 1.30 or newer
# TOLLGATE_KIND_STATE   another folder than .run/kind
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/tool-image.sh
source "$ROOT/scripts/tool-image.sh"
# shellcheck source=scripts/kind-tools.sh
source "$ROOT/scripts/kind-tools.sh"
# shellcheck source=e2e/kind/versions.env
source "$ROOT/e2e/kind/versions.env"

CLUSTER=tollgate
REGISTRY=kind-registry
REGISTRY_PORT=5001
STATE=${TOLLGATE_KIND_STATE:-$ROOT/.run/kind}
REVISION=${ISTIO_VERSION//./-}
export KUBECONFIG=$STATE/kubeconfig

# Everything that talks to the cluster does so with this, and never with the context that the user has chosen.
kube() { limit 300 kubectl --context "kind-$CLUSTER" "$@"; }

running() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

registry_up() {
  running "$REGISTRY" && return 0
  docker rm --force "$REGISTRY" >/dev/null 2>&1 || true
  say "starting a registry at localhost:$REGISTRY_PORT"
  logged registry docker run --detach --restart=always --publish "127.0.0.1:$REGISTRY_PORT:5000" --network bridge \
    --name "$REGISTRY" "$REGISTRY_IMAGE" || fail "the registry does not start" "see the lines above; is port $REGISTRY_PORT taken?"
}

cluster_up() {
  if ! kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    say "creating the cluster (2 minutes)"
    logged kind-create limit 600 kind create cluster --config "$ROOT/e2e/kind/cluster.yaml" --image "$KIND_NODE" --wait 240s ||
      fail "kind cannot create the cluster" "see the lines above; kind.sh down clears what is left of an attempt"
  fi
  kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG" >/dev/null 2>&1 ||
    fail "the cluster has no kubeconfig" "kind.sh down, and again"
  # Nodes, that is kubelet, know the registry as localhost as well; agents in pods know it by its name only.
  local node folder=/etc/containerd/certs.d/localhost:$REGISTRY_PORT
  for node in $(kind get nodes --name "$CLUSTER"); do
    docker exec "$node" mkdir -p "$folder"
    printf '[host."http://%s:5000"]\n' "$REGISTRY" | docker exec -i "$node" cp /dev/stdin "$folder/hosts.toml"
  done
  if ! docker inspect -f '{{json .NetworkSettings.Networks.kind}}' "$REGISTRY" | grep -q NetworkID; then
    docker network connect kind "$REGISTRY"
  fi
}

istio_up() {
  kube get crd gateways.gateway.networking.k8s.io >/dev/null 2>&1 ||
    logged gateway-api kube apply -f \
      "https://github.com/kubernetes-sigs/gateway-api/releases/download/v$GATEWAY_API_VERSION/standard-install.yaml" ||
    fail "cannot install the Gateway API" "see the lines above"
  kube -n istio-system get deployment "istiod-$REVISION" >/dev/null 2>&1 || {
    say "installing Istio $ISTIO_VERSION as revision $REVISION (2 minutes)"
    # Modules are kept for a year: a module that an agent has forgotten is fetched anew when a listener changes. The suite
    # reads counters that Istio leaves out.
    logged istio limit 600 istioctl install -y --context "kind-$CLUSTER" --set profile=ambient --set "revision=$REVISION" \
      --set meshConfig.accessLogFile=/dev/stdout --set values.global.logging.level=wasm:debug \
      --set meshConfig.defaultConfig.proxyMetadata.WASM_MODULE_EXPIRY=8760h \
      --set 'meshConfig.defaultConfig.proxyStatsMatcher.inclusionPrefixes[0]=extension_config_discovery' \
      --set 'meshConfig.defaultConfig.proxyStatsMatcher.inclusionPrefixes[1]=wasm' \
      --readiness-timeout 300s || fail "cannot install Istio $ISTIO_VERSION" "see the lines above"
  }
  kube -n istio-system rollout status "deployment/istiod-$REVISION" --timeout=180s >&2 ||
    fail "istiod does not come up" "kubectl -n istio-system describe pods"
}

workloads_up() {
  build_tool_image
  logged kind-load kind load docker-image "$TOOL_IMAGE" --name "$CLUSTER" || fail "the node does not take $TOOL_IMAGE" "see the lines above"
  # The namespace first, and its label: pods of an unlabelled namespace have no sidecar. The label would give them one in
  # `ambient` too; there it is the waypoint that belongs to a revision, as gateways do everywhere.
  logged namespaces kube apply -f "$ROOT/e2e/kind/workloads/namespaces.yaml" || fail "cannot make the namespaces" "see the lines above"
  kube label namespace shop "istio.io/rev=$REVISION" --overwrite >/dev/null
  logged workloads kube apply -k "$ROOT/e2e/kind/workloads" || fail "cannot apply e2e/kind/workloads" "see the lines above"
  kube -n shop label gateway edge "istio.io/rev=$REVISION" --overwrite >/dev/null
  kube -n ambient label gateway waypoint "istio.io/rev=$REVISION" --overwrite >/dev/null
  local namespace
  for namespace in shop ambient; do
    kube -n "$namespace" wait deployment --all --for=condition=Available --timeout=240s >&2 ||
      fail "workloads of $namespace do not come up" "kubectl -n $namespace describe pods"
  done
  kube -n shop wait gateway/edge --for=condition=Programmed --timeout=180s >&2 || fail "the gateway does not come up" "see the lines above"
  kube -n ambient wait gateway/waypoint --for=condition=Programmed --timeout=180s >&2 ||
    fail "the waypoint does not come up" "see the lines above"
}

up() {
  need_docker
  need_kind_tools
  registry_up
  cluster_up
  istio_up
  workloads_up
  say "the cluster is up; kubectl --kubeconfig $KUBECONFIG"
}

# Two of each: one that serves, and one that differs in its bytes only, to swap to.
push() {
  "$ROOT/scripts/build.sh"
  cargo build --locked -p cli --bin tollgate
  local module name pinned
  mkdir -p "$STATE"
  : >"$STATE/modules.new"
  for module in "$ROOT"/dist/*.wasm; do
    name=$(basename "$module" .wasm)
    pinned=$(limit 120 "$TARGET/debug/tollgate" push "$module" "oci://localhost:$REGISTRY_PORT/tollgate/$name:0.1.0") ||
      fail "cannot push $name" "is the registry up? kind.sh up"
    # This machine knows the registry by another name than pods do.
    echo "$name ${pinned/localhost:$REGISTRY_PORT/$REGISTRY:5000}" >>"$STATE/modules.new"
  done
  mv "$STATE/modules.new" "$STATE/modules"
  say "pushed: $(tr '\n' ' ' <"$STATE/modules")"
}

apply() {
  [ -f "$STATE/modules" ] || fail "no module has been pushed" "kind.sh push"
  kubectl kustomize "$ROOT/manifests/overlays/kind" >"$STATE/overlay.yaml"
  "$TARGET/debug/tollgate" check "$STATE/overlay.yaml" || fail "the overlay has faults" "see the lines above"
  logged kind-apply kube apply --server-side --force-conflicts -f "$STATE/overlay.yaml" || fail "cannot apply the overlay" "see the lines above"
  local start=$SECONDS wanted dump=$STATE/extensions.json
  wanted=$(grep -c '^kind: WasmPlugin$' "$STATE/overlay.yaml")
  # An agent that cannot fetch a module puts an RBAC filter in its place, and does not try again.
  until kube -n shop exec deploy/echo -c istio-proxy -- pilot-agent request GET 'config_dump?resource=ecds_filters' \
    >"$dump" 2>/dev/null && [ "$(grep -c 'filters.http.wasm.v3.Wasm"' "$dump")" -ge "$wanted" ]; do
    [ $((SECONDS - start)) -lt 200 ] ||
      fail "the pod of echo has not all $wanted plugins ($(grep -c 'rbac.v3.RBAC"' "$dump") could not be fetched)" "kind.sh evidence"
    sleep 1
  done
  say "all $wanted plugins are live in the pod of echo"
}

suite() {
  [ -f "$STATE/modules" ] || fail "no module has been pushed" "kind.sh push"
  export E2E_MESH=kind E2E_KIND_MODULES=$STATE/modules E2E_KIND_REGISTRY=localhost:$REGISTRY_PORT TOLLGATE_DIST=$ROOT/dist
  # One case after the other: those that only a mesh shows change what others see.
  cargo test -p e2e --locked --no-fail-fast --test suite -- features:: verbatim:: --skip auth::verbatim --skip ratelimit:: &&
    cargo test -p e2e --locked --no-fail-fast --test kind -- --test-threads=1
}

evidence() {
  local folder=$STATE/evidence namespace pod
  rm -rf "$folder" && mkdir -p "$folder"
  kube get wasmplugins,serviceentries,telemetries,gateways,pods -A -o yaml >"$folder/objects.yaml" 2>&1 || true
  kube get events -A --sort-by=.lastTimestamp >"$folder/events.txt" 2>&1 || true
  kube -n istio-system logs "deployment/istiod-$REVISION" --tail=5000 >"$folder/istiod.log" 2>&1 || true
  for namespace in shop ambient; do
    for pod in $(kube -n "$namespace" get pods -o name 2>/dev/null); do
      local name=$namespace.${pod#pod/}
      kube -n "$namespace" logs "$pod" -c istio-proxy --tail=5000 >"$folder/$name.log" 2>&1 || true
      kube -n "$namespace" exec "$pod" -c istio-proxy -- pilot-agent request GET config_dump >"$folder/$name.config.json" 2>&1 || true
      kube -n "$namespace" exec "$pod" -c istio-proxy -- pilot-agent request GET stats >"$folder/$name.stats.txt" 2>&1 || true
    done
  done
  say "evidence is in $folder"
}

down() {
  if have kind; then limit 120 kind delete cluster --name "$CLUSTER" >/dev/null 2>&1 || true; fi
  docker rm --force "$REGISTRY" >/dev/null 2>&1 || true
  rm -f "$KUBECONFIG" "$STATE/modules"
  say "cluster and registry are gone"
}

all() {
  local status=0
  # A subshell, or bash would ignore `set -e` in all that it calls.
  set +e
  (
    set -e
    up
    push
    apply
    suite
  )
  status=$?
  set -e
  [ "$status" = 0 ] || evidence
  [ -n "${TOLLGATE_KIND_KEEP:-}" ] || down
  return "$status"
}

case ${1:-} in
  test) step=suite ;;
  up | push | apply | evidence | down | all) step=$1 ;;
  *) sed -n '5,11s/^# *//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
cd "$ROOT"
mkdir -p "$STATE"
find_kind_tools
"$step"
