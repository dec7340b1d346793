.PHONY: help test race lint fmt tidy quickstart fuzz crash crash-matrix faults bench ci

MODULES := $(shell go list -m -f '{{.Dir}}')
LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

help: ## show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

quickstart: ## the demo shop on http://127.0.0.1:8080
	go run ./examples/quickstart

test: ## all tests of all modules
	go test work

race: ## the same under the race detector
	go test -race work

lint: ## golangci-lint in every module
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(LINT) run ./...) || exit 1; done

fmt: ## format everything
	gofmt -w $$(git ls-files '*.go')

tidy: ## tidy every module
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done

fuzz: ## each fuzz target for a while (FUZZTIME=30s)
	.ci/fuzz $${FUZZTIME:-30s}

crash: ## kill processes at random, for minutes (FOR=5m)
	cd proofs && LUNAS_CRASH_FOR=$${FOR:-5m} go test -run 'Killed/postgres/3$$' -v -count 1 -timeout 60m ./kill

crash-matrix: ## kill a process at every point where it writes or calls out; prints the table
	go test -C proofs/matrix -timeout 30m -table -

faults: ## cut, stall and stop the database and the gateway under load; prints the table
	cd proofs && go test -v -count 1 -timeout 20m ./faults

bench: ## all benchmarks: an hour or two
	go run ./bench

ci: ## all that the project promises, as CI checks it
	.ci/run
