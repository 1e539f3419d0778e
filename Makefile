# Parley. `make help` lists what there is.
GO ?= go
TOOLS = -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help demo play build test lint check tidy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run everything on this machine, with a phone in the browser
	@$(GO) run ./demo

play: ## play both flows without a browser, and check them
	@$(GO) run ./demo play

build: .bin/devserver ## build all programs into .bin
	$(GO) build -o .bin/worker ./worker
	$(GO) build -o .bin/webhook ./webhook
	$(GO) build -o .bin/parley ./starter
	$(GO) build -o .bin/simulator ./simulator

.bin/devserver: $(wildcard devserver/*.go) devserver/go.mod
	cd devserver && $(GO) build -o ../.bin/devserver .

test: build ## test everything; the end-to-end tests need chromium for the page
	$(GO) test ./...
	cd devserver && $(GO) test ./...

lint: ## look for what the compiler lets pass
	$(GO) run $(TOOLS) mvdan.cc/gofumpt -l -d .
	$(GO) run $(TOOLS) github.com/golangci/golangci-lint/v2/cmd/golangci-lint run ./...
	$(GO) run $(TOOLS) go.temporal.io/sdk/contrib/tools/workflowcheck ./conversation/... ./workflows/...

check: lint test ## all that CI does

tidy: ## bring the go.mod files in order
	$(GO) mod tidy
	cd devserver && $(GO) mod tidy
