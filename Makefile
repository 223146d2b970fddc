# The one door. Every target makes what it needs first; the logic is in scripts/.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Find or fetch compiler targets, test runner and Envoy (the other targets do it when they need it)
	@scripts/toolchain.sh all

build: ## Build every filter to dist/<package>.wasm
	@scripts/build.sh

run: ## Build, then serve manifests/base on a local Envoy; reloads rules and modules as they change
	@scripts/run.sh

test: ## Run every test: unit, property, wasm32, and end to end on a real Envoy
	@scripts/test.sh

unit: ## Run the native unit, property and documentation tests
	@scripts/test.sh build unit

wasm-test: ## Run the pure crates' tests in wasm32
	@scripts/test.sh wasm

e2e: ## Build the modules and run the end-to-end tests
	@scripts/test.sh build e2e

schemas: ## Write the JSON Schemas of the manifests anew, to manifests/schemas
	@cargo run --quiet --locked -p cli --bin tollgate -- schema --write manifests/schemas

docker-up: ## Serve manifests/ in docker: Envoy, echo, Limitador with Redis, Prometheus; rules are live when saved
	@scripts/docker.sh up

docker-down: ## End what docker-up has started
	@scripts/docker.sh down

e2e-docker: ## Run the end-to-end tests with every Envoy in a container of the official image
	@scripts/docker.sh e2e

e2e-kind: ## Bring up kind and Istio, run the end-to-end tests there, tear down (TOLLGATE_KIND_KEEP=1 leaves it)
	@scripts/kind.sh all

check: ## Format, lints, documentation, scripts, licences, fuzzing, reproducible modules
	@scripts/check.sh

fuzz: ## Fuzz JSON, tokens, key sets, configurations and answers for a minute (TOLLGATE_FUZZ_SECONDS)
	@scripts/fuzz.sh

reproducible: ## Build the modules in two folders and compare them
	@scripts/reproducible.sh

bench: ## Measure what a request costs beside Envoy's own filters and Lua: docs/benchmarks (ten minutes)
	@scripts/bench.sh

bench-smoke: ## The same in two minutes, to see that it works; into a temporary folder
	@scripts/bench.sh --smoke --out "$$(mktemp -d)"

manifests: ## Write what is derived of other manifests: Limitador's limits, the operator's rules
	@scripts/manifests.sh write

pin: ## Write version and digests of dist/ into the manifests' urls
	@scripts/pin.sh

package: ## Build and check a release in dist/release: modules, digests, SBOMs, manifests, signature
	@scripts/package.sh

publish: ## Push the modules of dist/release to the registry, and sign them there with cosign
	@scripts/publish.sh

clean: ## Remove what was built; what was downloaded stays in .tools
	@rm -rf target dist .run
