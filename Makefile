# Everything a developer types. `make run` and `make test-quick` need only Go.
SHELL       := /bin/bash
export GOEXPERIMENT ?= jsonv2
# The race detector needs a C compiler; conformance/install.sh brings one.
RACE         = $(shell command -v cc >/dev/null && echo -race)
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_BUILD     = CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
LINT_VERSION = v2.15.0
FUZZTIME    ?= 30s

.PHONY: build run story test test-quick quickstarts bench fuzz soak lint check clean

build:            ## the binary: bin/lanyard
	$(GO_BUILD) -o bin/lanyard ./cmd/lanyard

run: build        ## build and start a development instance
	./bin/lanyard dev

story: build      ## the whole picture of docs/own-compute.md, with stand-ins for GitHub and the model
	CGO_ENABLED=0 go build -trimpath -o bin/github-agent ./examples/github-agent
	go run ./examples/story $(STORY)

test-quick:       ## all tests that need only Go
	go test $(RACE) -tags quick ./...

test:             ## all tests; installs what they need
	./conformance/install.sh
	go test $(RACE) -timeout 15m ./...
	go test -tags conformance -count=1 -timeout 15m ./conformance/...

quickstarts:      ## plays the two quickstarts of SEEDS=DIR, from their first command to their last
	@test -n "$(SEEDS)" || { echo "make quickstarts SEEDS=DIR: say where the two documents are"; exit 2; }
	./conformance/install.sh
	go test -tags quickstarts -count=1 -timeout 30m ./conformance/quickstarts -args -seeds "$(abspath $(SEEDS))"

bench:            ## CPU per request against the floor program; BENCH="-full -write" puts the figures into docs/performance.md
	go run ./bench $(BENCH)

fuzz:             ## every fuzz target for FUZZTIME
	./scripts/fuzz.sh $(FUZZTIME)

soak:             ## two replicas under faults for SOAK (default 10m)
	go test -tags soak -count=1 -timeout 0 -run Soak -v ./internal/servertest/ ./internal/host/ -args -soak $${SOAK:-10m}

lint:             ## format, vet, static checks, import arrows
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt'd:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) run

check: lint test  ## what a change must pass

clean:
	rm -rf bin
