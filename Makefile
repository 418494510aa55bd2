# Everything that people and machines do with this repository; `make help`
# lists it. A clean clone needs Go and make. What else is used (PostgreSQL's
# programs, a C compiler for the race detector) is used when it is there.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

TOOLS   := bin/tools
MODULES := proto pkg services/tenant-registry services/provisioner services/health services/gateway services/stamp deploy/products/helpdesk test
PLAIN   := $(addprefix ./,$(addsuffix /...,$(filter-out pkg,$(MODULES))))
# What is tested with the race detector each time: what others build upon, and the
# engine, which is tested without it, too: then it is killed at every point, with
# it at some. The rest of the provisioner takes minutes with it: make race.
RACY    := ./pkg/... ./services/provisioner/internal/engine/...
# Packages tested at once: they wait more than they compute. And memory is there to
# be used: its collection is a good tenth of the work.
ATONCE  := 4
test race: export GOGC := 400
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# One set of flags for builds and tests, so that both share one build cache.
export CGO_ENABLED := 0
export GOFLAGS     := -trimpath -buildvcs=false
BUILD := go build -ldflags '-s -w -X main.version=$(VERSION) -X stampworks.dev/pkg/program.Version=$(VERSION)'
# The sample product carries no version of ours: the same source is the same
# digest, so that a published revision can be published again.
PRODUCT := go build -ldflags '-s -w -buildid='

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

##@ Use

.PHONY: build
build: ## Build every program into bin/
	@mkdir -p bin/products
	$(BUILD) -o bin/ ./services/stamp/cmd/stamp ./services/tenant-registry/cmd/tenant-registry ./services/provisioner/cmd/... ./services/health/cmd/health ./services/gateway/cmd/gateway
	$(PRODUCT) -o bin/products/helpdesk-1.0.0 ./deploy/products/helpdesk/cmd/helpdesk
	$(PRODUCT) -tags helpdesk_1_1 -o bin/products/helpdesk-1.1.0 ./deploy/products/helpdesk/cmd/helpdesk
	@chmod a+rx bin bin/products bin/products/* # as artifacts must be, whatever the umask is

.PHONY: run
run: build ## Everything up on this machine with a first customer; Ctrl-C ends it
	bin/stamp dev --demo

.PHONY: demo
demo: build ## Prove the claims unattended, one PASS line each, in under 90 s
	@bin/stamp demo

##@ Test

.PHONY: test
test: ## All tests that need no cluster; pkg and the engine with the race detector
	@# The rules look outside their module, where the test cache does not see changes.
	@# What fails stops none of the others: a run tells everything that is wrong.
	@failed=; race=; \
	if [ "$$(CGO_ENABLED=1 go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null; then race=-race; \
	else echo "test: no C compiler here: testing without the race detector" >&2; fi; \
	go test -count=1 ./test/rules/... || failed=1; \
	CGO_ENABLED=$${race:+1} go test $$race $(RACY) || failed=1; \
	go test -p $(ATONCE) $(PLAIN) || failed=1; \
	test -z "$$failed" || { echo "test: FAILED" >&2; exit 1; }

.PHONY: race
race: ## All of the provisioner with the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -timeout 20m ./services/provisioner/...

.PHONY: e2e
e2e: build ## The real programs against a real etcd, from outside
	STAMPWORKS_BIN=$(CURDIR)/bin go test -tags e2e -count=1 -timeout 15m ./test/e2e/...

.PHONY: fuzz
fuzz: ## Run every fuzz target FUZZTIME (100000x) times
	@# A count, not a time: at the end of a time Go's fuzzer may fail with "context
	@# deadline exceeded" though nothing is wrong (go.dev/issue/75804).
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $(MODULES) | while IFS=: read -r file func; do \
	  echo "$${func#func } in $$(dirname "$$file")"; \
	  go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzzminimizetime 1x -fuzztime $(or $(FUZZTIME),100000x) "./$$(dirname "$$file")"; \
	done

.PHONY: bench
bench: ## Measure beside peers and floors (15 min); a JSON line per result. ONLY=regex picks
	@$(MAKE) --no-print-directory build >&2 # standard output is results only
	@STAMPWORKS_BIN=$(CURDIR)/bin go run ./test/bench -only '$(ONLY)'

.PHONY: test-kubernetes
test-kubernetes: ## Tests of the kubernetes driver (there is none yet); needs KUBECONFIG
	@test -n "$${KUBECONFIG:-}" || { echo "test-kubernetes: set KUBECONFIG to a cluster made for tests" >&2; exit 1; }
	@test -d services/provisioner/driver/kubernetes || { echo "test-kubernetes: the kubernetes driver is not there yet" >&2; exit 1; }
	go test -tags kubernetes -count=1 ./services/provisioner/driver/kubernetes/...

##@ Keep in shape

# The tools are built once, and again when their versions change.
$(TOOLS)/.built: tools/go.mod tools/go.sum $(wildcard tools/protodeps/*.go tools/openapifinish/*.go)
	@mkdir -p $(TOOLS)
	@echo "building the contract tools (once, about 2 minutes)" >&2
	@GOWORK=off go -C tools build -o ../$(TOOLS)/ tool ./...
	@touch $@

$(TOOLS)/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	@mkdir -p $(TOOLS)
	@echo "building golangci-lint (once, about 4 minutes)" >&2
	@GOWORK=off go -C tools/lint build -o ../../$(TOOLS)/ tool
	@touch $@

.PHONY: lint
lint: $(TOOLS)/.built $(TOOLS)/golangci-lint third_party ## Check style: gofmt, go.mod files, buf, golangci-lint
	@unformatted=$$(gofmt -l $(MODULES) tools); \
	test -z "$$unformatted" || { echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; } >&2
	@for module in $(MODULES); do (cd "$$module" && GOWORK=off go mod tidy -diff) || { echo "$$module/go.mod: run make tidy" >&2; exit 1; }; done
	$(TOOLS)/buf lint
	$(TOOLS)/golangci-lint run --build-tags e2e $(addprefix ./,$(addsuffix /...,$(MODULES)))

# Printed out of the Go packages that we link; see tools/protodeps.
third_party: $(TOOLS)/.built proto/operations.http.json
	$(TOOLS)/protodeps -out $@ -http proto/operations.http.json
	@touch $@

define OPENAPI_GO
// Code generated by make generate. DO NOT EDIT.

// Package openapi holds the OpenAPI 3.1 description of the REST API.
package openapi

import _ "embed"

// JSON is the description, as served at /openapi.json.
//
//go:embed openapi.json
var JSON []byte
endef
export OPENAPI_GO

SHA256 := $(shell command -v sha256sum || echo shasum -a 256)

.PHONY: generate
generate: $(TOOLS)/.built third_party ## Generate Go, REST gateway and OpenAPI from the protos
	@rm -rf bin/gen
	PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate -o bin/gen
	PATH="$(CURDIR)/$(TOOLS):$$PATH" buf generate -o bin/gen --template buf.gen.operations.yaml
	@mkdir -p bin/gen/openapi
	$(TOOLS)/openapiv3-merge proto/openapi.base.json $$(find bin/gen/openapi-parts -name '*.json' | LC_ALL=C sort) \
	  | $(TOOLS)/openapifinish > bin/gen/openapi/openapi.json
	@rm -r bin/gen/openapi-parts
	@printf '%s\n' "$$OPENAPI_GO" > bin/gen/openapi/openapi.go
	@# What it was made from, for a rule in test/rules that needs no tools.
	@find proto/stampworks -name '*.proto' | LC_ALL=C sort | xargs $(SHA256) buf.gen.operations.yaml buf.gen.yaml proto/openapi.base.json proto/operations.http.json > bin/gen/sources.sha256
	@rm -rf proto/gen && mv bin/gen proto/gen

.PHONY: check-generate
check-generate: generate ## Fail when generated code is not what the protos say
	@changed=$$(git status --porcelain -- proto/gen); \
	test -z "$$changed" || { git --no-pager diff --stat -- proto/gen; echo "$$changed"; echo "check-generate: run make generate and commit proto/gen"; exit 1; } >&2

.PHONY: breaking
breaking: $(TOOLS)/.built third_party ## Do the protos break callers? AGAINST=commit (HEAD) to compare with
	@rm -rf bin/against && mkdir -p bin/against
	@git archive $(or $(AGAINST),HEAD) proto buf.yaml | tar -x -C bin/against
	@cp -r third_party bin/against/
	$(TOOLS)/buf breaking --against bin/against

.PHONY: tidy
tidy: ## Tidy every go.mod
	@for module in $(MODULES) tools tools/lint; do echo "$$module"; (cd "$$module" && GOWORK=off go mod tidy); done

.PHONY: clean
clean: ## Remove what was built (the tools too)
	rm -rf bin third_party
