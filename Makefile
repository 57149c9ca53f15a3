# hcsroute. The two commands for a newcomer are `make demo` and `make test`;
# `make help` lists the rest. Everything that is built lands in bin/ and .cache/.

SHELL := /bin/bash
GO ?= go
CACHE := $(CURDIR)/.cache
TOOLS := $(CACHE)/bin
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/hcsroute/hcsroute/internal/version.version=$(VERSION)
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
PROGRAMS := hcsrouted hcsroute hcsroute-agent hcsroute-lab

# Tools are pinned here; each is built once into .cache/bin.
BUF_VERSION := v1.66.0
GOLANGCI_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GRPCURL_VERSION := v1.9.4
PROTOC_GEN_GO_VERSION := v1.36.12
PROTOC_GEN_GO_GRPC_VERSION := v1.6.2

export PATH := $(TOOLS):$(PATH)
# An older Go fetches the one that go.mod names, even if its vendor has switched
# that off. A value that you set yourself counts.
GOTOOLCHAIN ?= auto
export GOTOOLCHAIN

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: go
go:
	@sh .ci/check-go '$(GO)'

.PHONY: build
build: go ## build the programs into bin/
	@[ -e bin/hcsrouted ] || echo "building the programs into bin/, which takes a minute or two the first time"
	@mkdir -p bin
	@for p in $(PROGRAMS); do $(BUILD) -o bin/$$p ./cmd/$$p || exit 1; done

.PHONY: demo
demo: build ## the main job on real kernels, without root: add a route, watch packets take it
	@bin/hcsroute-lab demo

.PHONY: lab
lab: build ## the same lab with a shell, to play in
	@bin/hcsroute-lab shell

# The tests use the programs in bin, and are built in the same way, so that each
# package is compiled only once.
.PHONY: test
test: build $(TOOLS)/grpcurl ## all tests; the PowerShell suite if there is a PowerShell
	@[ "$$CI" != true ] || sh .ci/install-system
	@HCSROUTE_BIN=$(CURDIR)/bin CGO_ENABLED=0 $(GO) run ./tools/testrun -trimpath -count=1 ./...
	@sh .ci/pwsh-suite

.PHONY: slow
slow: build ## the tests that must take long, such as that of a half-open link
	@HCSROUTE_SLOW=1 $(GO) run ./tools/testrun -count=1 -run '^TestSlow' \
		$$(grep -rl --include='*_test.go' '^func TestSlow' . | xargs -n 1 dirname | sort -u)

.PHONY: pwsh
pwsh: go ## fetch the pinned PowerShell for the module's suite, if the network allows
	@$(GO) run ./tools/getpwsh $(CACHE)

.PHONY: bench-program
bench-program: build
	@$(BUILD) -o bin/hcsroute-bench ./tools/hcsroute-bench

.PHONY: bench
bench: bench-program ## measure everything against the bare limit and other programs, into docs/performance.md; best as root
	@bin/hcsroute-bench --docs docs $(BENCH)

.PHONY: bench-short
bench-short: bench-program ## a little of every measurement, in seconds, to see that the bench still runs
	@bin/hcsroute-bench --short $(BENCH)

.PHONY: race
race: go ## all Go tests under the race detector (needs a C compiler)
	@$(GO) run ./tools/testrun -race -count=1 ./...

.PHONY: lint
lint: go $(TOOLS)/golangci-lint $(TOOLS)/buf ## gofmt, vet (Linux and Windows), golangci-lint, buf lint, generated files up to date
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(GO) mod verify
	$(TOOLS)/golangci-lint run ./...
	cd proto && buf lint && buf format --diff --exit-code
	$(MAKE) --no-print-directory generate
	git diff --exit-code -- proto docs

.PHONY: vulncheck
vulncheck: go $(TOOLS)/govulncheck ## known vulnerabilities in the code that we call, if the database can be reached
	@sh .ci/vulncheck $(TOOLS)/govulncheck

.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc ## regenerate code and reference pages
	@$(GO) build -o $(TOOLS)/protoc-gen-apidoc ./tools/gen/apidoc
	@cd proto && buf generate
	@$(GO) run ./tools/gen/errordoc > docs/errors.md

.PHONY: install
install: build ## install programs, units and sample configurations (DESTDIR=, PREFIX=/usr/local)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh deploy/install.sh

.PHONY: clean
clean: ## remove what was built
	@rm -rf bin .cache

$(TOOLS)/buf:
	GOBIN=$(TOOLS) $(GO) install github.com/bufbuild/buf/cmd/buf@$(BUF_VERSION)
$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
$(TOOLS)/govulncheck:
	@GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
$(TOOLS)/grpcurl:
	@GOBIN=$(TOOLS) $(GO) install github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL_VERSION)
$(TOOLS)/protoc-gen-go:
	GOBIN=$(TOOLS) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go@$(PROTOC_GEN_GO_VERSION)
$(TOOLS)/protoc-gen-go-grpc:
	GOBIN=$(TOOLS) $(GO) install google.golang.org/grpc/cmd/protoc-gen-go-grpc@$(PROTOC_GEN_GO_GRPC_VERSION)
