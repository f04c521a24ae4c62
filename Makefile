# Every recipe that a person and the build machine run. `make help` lists them.

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
MODULES := $(TARGET)/wasm32-unknown-unknown/policy
# Arguments of the demo: make demo ARGS="--port 6432"
ARGS   ?=
FUZZ_SECONDS ?= 10
# The program, with the features that the tests ask of its parts: they are built once for both.
PROGRAM := --workspace --bin sluice --test map
ENGINES := --package sluice-policy-rego --features sluice-policy-rego/engine \
    --package sluice-policy-cedar --features sluice-policy-cedar/engine
COUNTS ?= --check benches/instructions.json

.PHONY: help
help: ## List the recipes
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: policies ## PostgreSQL with sample data, an identity provider and a gateway, until Ctrl-C
	$(CARGO) build $(PROGRAM)
	$(TARGET)/debug/sluice demo --policies $(MODULES) $(ARGS)

.PHONY: test
test: policies ## Every test: units, properties, documentation, and the program from outside
	$(CARGO) test --workspace --no-fail-fast

.PHONY: check
check: setup ## Formatting, lints and documentation, warnings being errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --quiet

.PHONY: policies
policies: setup ## Build the policies as WebAssembly modules
	$(CARGO) build --profile policy --target wasm32-unknown-unknown \
	    --package sluice-policy-mask --package sluice-policy-guard \
	    --package sluice-policy-detect

.PHONY: policies-all
policies-all: policies ## Those in Rego and Cedar too, which take minutes, and their own tests
	$(CARGO) build --profile policy --target wasm32-unknown-unknown $(ENGINES)
	$(CARGO) test --lib --target-dir $(TARGET)/engines $(ENGINES)

.PHONY: examples
examples: setup ## Build the example policy in each language whose tool is installed
	@for build in policies/examples/*/build; do $$build || [ $$? = 3 ] || exit 1; done

.PHONY: e2e
e2e: policies ## Only the tests of the program from outside
	$(CARGO) test --workspace --no-fail-fast --test '*'

.PHONY: matrix
matrix: policies ## The tests from outside against PostgreSQL 13 to 18, or VERSIONS="17 18"
	tests/matrix $(VERSIONS)

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZ_SECONDS, or those that FUZZ names: FUZZ="batch trail"
	@.ci/setup fuzz
	@FUZZ="$(FUZZ)" FUZZ_SECONDS="$(FUZZ_SECONDS)" .ci/fuzz

.PHONY: bench
bench: policies ## Benchmarks
	$(CARGO) bench --package sluice-benches

.PHONY: compare
compare: policies ## pgbench, large results and idle sessions, beside PgBouncer and direct
	$(CARGO) build --release --package sluice
	benches/pgbench --sluice $(TARGET)/release/sluice --policies $(MODULES) $(ARGS)
	benches/rows --sluice $(TARGET)/release/sluice --policies $(MODULES)
	benches/sessions --sluice $(TARGET)/release/sluice --policies $(MODULES)

.PHONY: swaps
swaps: policies ## Swaps of policies under load: nothing fails, nothing is mixed, what it costs (Go, componentize-py)
	$(CARGO) build --release --package sluice
	benches/swaps --sluice $(TARGET)/release/sluice --policies $(MODULES) $(ARGS)

.PHONY: instructions
instructions: policies ## Instructions a statement, by valgrind, must not have grown; or COUNTS="--record FILE"
	@.ci/setup instructions
	$(CARGO) build --release --package sluice
	benches/instructions --sluice $(TARGET)/release/sluice --policies $(MODULES) $(COUNTS)

.PHONY: counts
counts: policies ## The same of the build that tests have, which is quicker to make
	@.ci/setup instructions
	$(CARGO) build $(PROGRAM)
	benches/instructions --sluice $(TARGET)/debug/sluice --policies $(MODULES) \
	    --check benches/instructions.debug.json

.PHONY: regress
regress: policies ## PostgreSQL's own regression tests, through the gateway (Debian)
	$(CARGO) build $(PROGRAM)
	tests/regress --sluice $(TARGET)/debug/sluice --policies $(MODULES) $(ARGS)

.PHONY: functions
functions: ## The table of PostgreSQL's functions, from the versions that make matrix has fetched
	.ci/functions $(ARGS)

.PHONY: agree
agree: ## Both readers of SQL on the statements of PostgreSQL's regression tests (Debian)
	SLUICE_REGRESS=$$(tests/regress --fetch) $(CARGO) test --workspace --lib \
	    readers_agree -- --ignored --nocapture

.PHONY: setup
setup: ## Install what building and testing need, or say what is missing
	@.ci/setup

.PHONY: all
all: check test ## What a change must pass
