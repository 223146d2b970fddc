#!/usr/bin/env bash
# The manifests that are written from others, and the checks of all of them.
#
#   manifests.sh write   Limitador's limits, and the rules as the Prometheus operator takes them
#   manifests.sh check   what kustomize, tollgate, promtool and yamllint have to say of all; tests hold what is written
#
# TOLLGATE_TOOL      a built tollgate, to save building it
# TOLLGATE_PROMTOOL  a promtool, to save finding one
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LIMITS=manifests/components/limitador/limits.conf
RULES=manifests/telemetry/prometheus/tollgate.rules
RULE=manifests/telemetry/prometheus/prometheus-rule.yaml

tollgate() {
  if [ -z "${TOLLGATE_TOOL:-}" ]; then
    cargo build --quiet --locked -p cli
    TOLLGATE_TOOL=$TARGET/debug/tollgate
  fi
  "$TOLLGATE_TOOL" "$@"
}

limits() { tollgate render --to limitador manifests/components/quota/quota.yaml; }

rule() {
  cat <<'EOF'
# Written by `make manifests` of tollgate.rules; change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tollgate
  namespace: istio-system
spec:
EOF
  sed -e '/^#/d' -e 's/^./  &/' $RULES
}

# Overlays, and what can be applied on its own. Components are built where they are used.
kustomizations() {
  local file
  git ls-files --cached --others --exclude-standard 'manifests/**kustomization.yaml' | while IFS= read -r file; do
    grep -q '^kind: Component' "$file" || dirname "$file"
  done
}

manifests_are_good() { tollgate check --strict manifests; }

overlays_are_good() {
  local folder bad=0
  if ! have kubectl; then
    say "SKIPPED the overlays: there is no kubectl to build them with (https://kubernetes.io/docs/tasks/tools)"
    return 0
  fi
  for folder in $(kustomizations); do
    if ! kubectl kustomize "$folder" >"$work/built.yaml"; then
      say "kustomize does not build $folder" && bad=1
    elif grep -q '^kind: WasmPlugin' "$work/built.yaml" && ! tollgate check --strict - <"$work/built.yaml"; then
      say "$folder is not good" && bad=1
    fi
  done
  return $bad
}

# Prints the path of a promtool: the caller's, one on PATH, or the one of Debian's package, unpacked and not installed.
find_promtool() {
  local new=$TOOLS/prometheus.new
  [ -z "${TOLLGATE_PROMTOOL:-}" ] || { echo "$TOLLGATE_PROMTOOL" && return; }
  type -P promtool && return
  if ! [ -x "$TOOLS/prometheus/usr/bin/promtool" ]; then
    { have apt-get && have dpkg-deb; } || return 1
    say "fetching promtool from this system's packages (19 MB, once)"
    rm -rf "$new" && mkdir -p "$new"
    (cd "$new" && logged prometheus apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb . && rm ./*.deb) || return 1
    rm -rf "$TOOLS/prometheus" && mv "$new" "$TOOLS/prometheus"
  fi
  echo "$TOOLS/prometheus/usr/bin/promtool"
}

rules_are_good() {
  local promtool
  if ! promtool=$(find_promtool); then
    say "SKIPPED the Prometheus rules: there is no promtool, and none can be fetched here"
    return 0
  fi
  "$promtool" check rules $RULES && "$promtool" test rules $RULES-test
}

# Long lines are texts and tokens; documents begin without dashes, and {a: b} is how short maps are written here.
yaml_is_tidy() {
  if ! have yamllint; then
    say "SKIPPED yamllint: not installed (apt-get install yamllint)"
    return 0
  fi
  yamllint --strict -d '{extends: default, rules: {line-length: disable, document-start: disable, truthy: {check-keys: false},
    comments: disable, comments-indentation: disable, indentation: {indent-sequences: whatever}}}' manifests .github
}

check() {
  local step failed=0
  for step in manifests_are_good overlays_are_good rules_are_good yaml_is_tidy; do
    say "${step//_/ }"
    "$step" || failed=1
  done
  return $failed
}

main() {
  cd "$ROOT"
  work=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-manifests.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  case ${1:-} in
    write)
      limits >"$work/limits" && rule >"$work/rule"
      cp "$work/limits" $LIMITS && cp "$work/rule" $RULE
      ;;
    check) check || fail "the manifests" "see the lines above" ;;
    *) sed -n '4,5s/^# *//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
}

main "$@" </dev/null
