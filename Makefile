# make demo   watch Davit deploy a real application under live traffic
# make test   run all tests
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD   := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

# Tools are kept by version, and by the Go that built them, outside the tree.
TOOLS        := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/davit/tools
LINT_VERSION := v2.15.0
LINT         := $(TOOLS)/golangci-lint-$(LINT_VERSION)-$(shell go env GOVERSION)/golangci-lint

# What flagd's flags are evaluated beside, kept by version too.
FLAGD_CORE_VERSION := 4.0.1
FLAGD_CORE         := $(TOOLS)/flagd-core-$(FLAGD_CORE_VERSION)

.PHONY: build
build: ## bin/davit
	$(BUILD) -o bin/davit ./cmd/davit

.PHONY: demo
demo: build ## deployments of the example under live traffic, in under 90 s
	bin/davit demo

.PHONY: test
test: $(FLAGD_CORE) ## all tests; TESTFLAGS are go test's
	scripts/need node=nodejs redis-server=redis-server
	DAVIT_FLAGD_CORE=$(FLAGD_CORE) go test $(TESTFLAGS) ./...
	[ "$$(uname)" != Linux ] || go test -tags e2e -run $(CLIENTS) $(TESTFLAGS) ./e2e

# The real OpenFeature clients read flags; the test installs them.
CLIENTS := '^TestOpenFeatureClients$$'

$(FLAGD_CORE):
	scripts/need node=nodejs npm=npm
	rm -rf $@ $@.new
	npm install --silent --no-audit --no-fund --prefix $@.new @openfeature/flagd-core@$(FLAGD_CORE_VERSION) @openfeature/core@1.12.0
	mv $@.new $@

.PHONY: race
race: ## all tests with the race detector, which needs a C compiler
	scripts/need gcc=gcc,libc6-dev
	CGO_ENABLED=1 go test -race $(TESTFLAGS) ./...

.PHONY: mutants
mutants: ## faults seeded into the engine, each of which its simulation must find
	go run ./scripts/mutants

.PHONY: e2e
e2e: ## the real binary with real processes, broken on purpose (Linux)
	scripts/need prometheus=prometheus redis-server=redis-server pg_ctlcluster=postgresql node=nodejs npm=npm
	go test -tags e2e -timeout 20m -skip $(CLIENTS) $(TESTFLAGS) ./e2e

.PHONY: e2e-kubernetes
e2e-kubernetes: ## a real Kubernetes, or the one that KUBECONFIG names, and Davit on it (Linux, as root)
	if [ -z "$${KUBECONFIG:-}" ]; then \
		scripts/need containerd=containerd runc=runc iptables=iptables ip=iproute2 /usr/lib/cni/bridge=containernetworking-plugins prometheus=prometheus; \
		go mod download; \
		go run ./e2e/cluster/up -build; \
	fi
	go test -tags e2e -count=1 -v $(TESTFLAGS) ./e2e/cluster
	beside=; \
	if [ -z "$${KUBECONFIG:-}" ]; then \
		go test -tags e2e -exec 'go run github.com/davit-dev/davit/e2e/cluster/up -control-plane' -count=1 $(TESTFLAGS) ./internal/kubernetes & beside=$$!; \
	fi; \
	failed=; \
	go test -tags e2e -count=1 -parallel 6 -v -timeout 20m $(TESTFLAGS) ./e2e/kubernetes || failed=1; \
	[ -z "$$beside" ] || wait $$beside || failed=1; \
	[ -z "$$failed" ]

.PHONY: test-infra
test-infra: build ## infra/ planned by the real Terraform and azurerm provider, and judged; no Azure (20 minutes once, then 2)
	$(MAKE) -C infra/validate

.PHONY: chaos
chaos: build ## the server killed 200 times in the middle of rollouts, under traffic; one table
	go run ./bench/chaos -davit bin/davit $(CHAOSFLAGS)

.PHONY: browser
browser: ## the report in a real Chromium, without network
	scripts/need chromium=chromium
	go test -tags e2e $(TESTFLAGS) -run InABrowser ./internal/report

.PHONY: lint
lint: $(LINT) ## golangci-lint with .golangci.yml
	$(LINT) run ./...
	cd infra/validate && $(LINT) run ./...

$(LINT):
	@echo "building golangci-lint $(LINT_VERSION) into $(@D) (about a minute, once)"
	mkdir -p $(@D)
	GOBIN=$(@D) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) 2>$(@D)/log || { cat $(@D)/log; exit 1; }

ACTIONLINT_VERSION := v1.7.12
ACTIONLINT         := $(TOOLS)/actionlint-$(ACTIONLINT_VERSION)-$(shell go env GOVERSION)/actionlint

.PHONY: workflows
workflows: $(ACTIONLINT) ## actionlint over .github/workflows
	$(ACTIONLINT) -shellcheck= -pyflakes=

$(ACTIONLINT):
	mkdir -p $(@D)
	GOBIN=$(@D) GOFLAGS= go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION) 2>$(@D)/log || { cat $(@D)/log; exit 1; }

.PHONY: next
next: build ## the next version of this repository, and its commit messages
	scripts/next

.PHONY: dist
dist: ## binaries of VERSION for every platform that is supported, and their checksums
	rm -rf dist
	for target in $(TARGETS); do \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(BUILD) -o "dist/davit_$${target%/*}_$${target#*/}" ./cmd/davit; \
	done
	cd dist && sha256sum davit_* >checksums.txt

TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

.PHONY: cross
cross: ## compile for every platform that is supported, or those of TARGETS
	for target in $(TARGETS); do \
		echo "compiling for $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build ./...; \
	done

.PHONY: bench bench-proxy bench-deployments bench-streams bench-rollback bench-switch bench-death bench-analysis
bench: bench-proxy bench-switch bench-rollback bench-deployments bench-streams bench-death bench-analysis bench-flags bench-ofrep ## all figures of the README

bench-proxy: ## the embedded proxy beside nginx
	scripts/need nginx=nginx-light wrk=wrk
	go run ./bench/proxy

bench-switch: build ## blue-green: from command to full traffic
	go run ./bench/deployments -davit bin/davit switch

bench-rollback: build ## from the first bad answer to all traffic on stable
	go run ./bench/deployments -davit bin/davit rollback

bench-deployments: build ## requests lost in 30 deployments at 3,000 requests/s
	go run ./bench/deployments -davit bin/davit deployments

bench-streams: build ## the same with 100 WebSockets and 100 event streams open
	go run ./bench/deployments -davit bin/davit streams

bench-analysis: ## false alarms, time to haul back and bake saved, over simulated rollouts (about 3 minutes)
	go run ./bench/analysis

bench-death: build ## requests lost when one of two instances is killed
	go run ./bench/deployments -davit bin/davit death

.PHONY: bench-kubernetes
bench-kubernetes: build ## deployments to a real Kubernetes: lost, how quick, calls, many at once (Linux, as root; about 15 minutes)
	scripts/need containerd=containerd runc=runc iptables=iptables ip=iproute2 /usr/lib/cni/bridge=containernetworking-plugins prometheus=prometheus
	for figure in deployments switch rollback calls environments; do go run ./bench/kubernetes -davit bin/davit $(BENCHFLAGS) $$figure; done

.PHONY: bench-flags
bench-flags: ## evaluating and compiling feature flags, and how their changes spread
	scripts/need redis-server=redis-server
	go test -run '^$$' -bench . $(BENCHFLAGS) ./internal/flag
	go run ./bench/flags

.PHONY: bench-validation
bench-validation: build ## the whole validation suite against the example application
	go run ./bench/validation -davit bin/davit

.PHONY: bench-release
bench-release: build ## davit release beside git, git-cliff and conventional-changelog on 50,000 commits
	scripts/need npm=npm
	npm install --silent --no-audit --no-fund --prefix $(PEERS) git-cliff@2.12.0 conventional-changelog@7.2.1
	go run ./bench/release -davit bin/davit -peers $(PEERS)/node_modules/.bin $(BENCHFLAGS)

PEERS := $(TOOLS)/release-peers

.PHONY: bench-ofrep
bench-ofrep: ## a flag read over OFREP beside a bare net/http handler: CPU per request
	go run ./bench/ofrep

.PHONY: bench-memory
bench-memory: build ## memory of server and proxy over 10 million requests (about 15 minutes), and with 10,000 idle connections
	scripts/need wrk=wrk
	go run ./bench/memory -davit bin/davit

.PHONY: clean
clean:
	rm -rf bin build examples/shop/build
