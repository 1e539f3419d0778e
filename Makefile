# Parley. `make help` lists what there is.
GO ?= go

.DEFAULT_GOAL := help
.PHONY: help demo play build lambda test test-postgres soak bench promises fuzz lint vuln format check tidy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run everything on this machine, with a phone in the browser
	@$(GO) build -o .bin/demo ./demo && exec .bin/demo

play: ## play both flows without a browser, and check them
	@$(GO) build -o .bin/demo ./demo && exec .bin/demo play

build: .bin/devserver ## build all programs into .bin
	$(GO) build -o .bin/worker ./worker
	$(GO) build -o .bin/webhook ./webhook
	$(GO) build -o .bin/parley ./starter
	$(GO) build -o .bin/simulator ./simulator

.bin/devserver: $(wildcard devserver/*.go) devserver/go.mod
	cd devserver && $(GO) build -o ../.bin/devserver .

lambda: lambda-arm64 lambda-amd64 ## build the webhook for AWS Lambda, see docs/lambda.md

lambda-%:
	GOOS=linux GOARCH=$* CGO_ENABLED=0 $(GO) build -trimpath -tags lambda.norpc -ldflags='-s -w' -o .bin/lambda/$*/bootstrap ./webhook
	cd deploy && $(GO) run ./lambda/pack ../.bin/lambda/$*/bootstrap ../.bin/lambda/webhook-$*.zip

test: build lambda-amd64 .bin/govulncheck ## test everything; needs chromium for the page, promtool for alerts
	$(GO) test -race -timeout 20m ./...
	cd devserver && $(GO) test ./...
	cd deploy && $(GO) test ./...

test-postgres: build .bin/temporal-server .bin/temporal-sql-tool ## run the end-to-end tests on PostgreSQL, as docker-compose.yml has it
	$(GO) run ./test/postgres $(ARGS)

.bin/temporal-server: devserver/go.mod
	cd devserver && $(GO) build -o ../$@ go.temporal.io/server/cmd/server

.bin/temporal-sql-tool: devserver/go.mod
	cd devserver && $(GO) build -o ../$@ go.temporal.io/server/cmd/tools/sql

soak: build ## prove the promises while everything is killed and the carrier misbehaves; SOAK=30m for longer
	$(GO) run ./test/soak -mode both $(ARGS)

bench: build ## measure beside the least that does the same, for an hour or more; ARGS=-quick for a look
	$(GO) run ./test/bench $(ARGS)

promises: build ## try each promise that an attack broke; ARGS='-run Stop -v' for some of them
	$(GO) run ./test/promises $(ARGS)

FUZZ ?= 5s

fuzz: ## try the parsers of outside bytes with random input; FUZZ=1m for longer
	@grep -rEo '^func Fuzz[A-Za-z]+' --include='*_test.go' . | sed 's/^\(.*\)\/[^/]*:func \(.*\)/\1 \2/' | while read -r package target; do \
		echo "$$target in $$package" && $(GO) test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) -fuzzminimizetime 1s || exit 1; \
	done

lint: .bin/golangci-lint .bin/workflowcheck ## look for what the compiler lets pass
	.bin/golangci-lint run --allow-parallel-runners ./...
	.bin/workflowcheck -config workflowcheck.config.yaml ./conversation ./conversation/wire ./conversation/engine ./workflows

vuln: .bin/govulncheck ## look for known vulnerabilities in what we use, if their database can be reached
	@tools/vuln ./... deploy/... # devserver serves nobody, and takes 4 GB

.bin/golangci-lint: tools/go.mod
	$(GO) build -modfile=tools/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.bin/workflowcheck: tools/go.mod
	$(GO) build -modfile=tools/go.mod -o $@ go.temporal.io/sdk/contrib/tools/workflowcheck

.bin/govulncheck: tools/go.mod
	$(GO) build -modfile=tools/go.mod -o $@ golang.org/x/vuln/cmd/govulncheck

.bin/gofumpt: tools/go.mod
	$(GO) build -modfile=tools/go.mod -o $@ mvdan.cc/gofumpt

format: .bin/gofumpt ## format all Go files
	.bin/gofumpt -w -modpath parley .

check: lint vuln test fuzz ## what CI does, but for test-postgres

tidy: ## bring the go.mod files in order
	$(GO) mod tidy
	cd devserver && $(GO) mod tidy
	cd deploy && $(GO) mod tidy
