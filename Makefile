# pg-airlock: `make help` lists what there is to do. Needs Node (20 or newer), npm and git; everything else comes from npm, Kubernetes for tests from Go.

# The package `node` puts the Node that pg-airlock runs on first.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export ONCE CORPUS PG UPSTREAM WHAT FAMILY ID PROTOCOL JSON VERBOSE SEED
export NEWEST MINUTES
export FILES
export TIME REPEATS N ONLY PGBENCH PGBOUNCER SOAK PROFILE

installed := node_modules/.installed
checks := types format lint imports unused lockfile generated

PREFIX ?= docker.io/pg-airlock

.PHONY: help build images images-lock demo test check $(checks:%=check-%) compatibility corpus corpus-server hunt smith writes fuzz regress session-model mutants kills kubernetes e2e cluster bench bench-control startup
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

build: $(installed) ## The bundle: dist/ runs with nothing but Node, and starts quickly (node dist/pg-airlock.cjs proxy ...)
	@exec node scripts/build.ts

images: build ## OCI archives of proxy and operator in dist/images, without Docker (ARCH="amd64 arm64", PREFIX=registry.example/pg-airlock, NEWEST=1: not by the lock)
	@exec node scripts/build-images.ts $(if $(ARCH),--architectures "$(ARCH)") --prefix "$(PREFIX)"

images-lock: $(installed) ## Takes Debian's newest packages for the images: renews scripts/images/inputs.lock.json
	@exec node scripts/build-images.ts --lock

demo: $(installed) ## An agent's session through the airlock, on a real PostgreSQL (ONCE=1: exit at the end)
	@exec node test/demo/main.ts

test: $(installed) kubernetes ## All tests; TESTS="path ..." for some
	@exec vitest run $(TESTS)

kubernetes: $(installed) # What tests need of it: made here once, for it would slow them down
	@exec node test/cluster/build.ts

check: $(installed) ## Types, format, lint (type-aware too), import boundaries, unused code, lockfile, generated files
	@$(MAKE) --no-print-directory --keep-going $(checks:%=check-%)

$(checks:%=check-%): check-%: $(installed)
	@echo "check: $*"
	@npm run --silent check:$*

compatibility: $(installed) ## Runs the clients, and writes docs/compatibility.md anew
	@COMPATIBILITY=write vitest run test/clients/compatibility
	@exec node scripts/generate-compatibility.ts

corpus: $(installed) ## Attacks and legitimate statements (CORPUS=folder, PG=18, UPSTREAM=role, WHAT=, FAMILY=, ID=, PROTOCOL=, JSON=)
	@exec node test/corpus/run.ts

corpus-server: $(installed) ## The same up to the attacks: prints {"url","rawUrl","directUrl"} and stays up
	@exec node test/corpus/server.ts

hunt: $(installed) ## Random statements: nothing hidden shows, two databases that differ in it answer alike (N=20000, SEED=)
	@HUNT=$(or $(N),20000) exec vitest run test/hunt

smith: $(installed) ## Debian's sqlsmith against the hunt's database: nothing hidden shows, nothing crashes (MINUTES=60, SEED=)
	@exec node test/hunt/smith.ts

writes: $(installed) ## Random statements that write: as under PostgreSQL's row-level security, all rows compared (N=5000, SEED=, PG=18)
	@WRITES=$(or $(N),5000) exec vitest run test/writing/writes.test.ts

fuzz: $(installed) ## Random bytes and mutated conversations against a running proxy (N=100000, SEED=)
	@FUZZ=$(or $(N),100000) exec vitest run test/fuzz

session-model: $(installed) ## Random conversations with the proxy and with a plain server: all that a client can see is the same (N=5000, SEED=, PG=18)
	@MODEL=$(or $(N),5000) exec vitest run test/session-model

regress: $(installed) ## PostgreSQL's regression suite with and without the proxy (SUITE=folder of its .sql files, PG=18, SOURCE="PostgreSQL 18.1", ONLY=regex, JOBS=3, WRITE=1, DETAILS=file)
	@exec node test/regress/main.ts --suite "$(SUITE)" --pg "$(PG)" --source "$(SOURCE)" --only "$(ONLY)" --jobs "$(JOBS)" --write "$(WRITE)" --details "$(DETAILS)"

mutants: $(installed) ## Stryker's mutants of the sources: lists those that no unit test notices (FILES="proxy/scope/*.ts ...")
	@exec node test/mutants/main.ts

kills: $(installed) ## Kills the proxy under load and checks its audit log each time (N=100, SEED=)
	@KILLS=$(or $(N),100) exec vitest run test/audit/end-to-end.test.ts

# What is tested is this repository, not whether Debian has moved on since the lock.
e2e: export NEWEST = 1
e2e: images ## The whole of it in a real cluster, a new one of this machine (root, Linux) or KUBECONFIG's (LOAD_IMAGE="kind load image-archive")
	@exec vitest run --config test/e2e/vitest.config.ts $(TESTS)

cluster: $(installed) ## A whole Kubernetes of one node on this machine, until Ctrl-C: prints its KUBECONFIG (root, Linux, containerd)
	@exec node test/cluster/main.ts

bench: build ## Speed next to PostgreSQL and PgBouncer (TIME=3 REPEATS=3 N=rows ONLY=regex PGBENCH= PGBOUNCER= PROFILE=1 SOAK=minutes)
	@exec node bench/main.ts

bench-control: $(installed) ## From a policy's edit to the bundle in N sidecars, and the operator's memory (N=1,100,1000 REPEATS=20)
	@exec node bench/control.ts

startup: build ## How quickly the bundle starts and what memory it takes, next to Node alone and the sources (REPEATS=15)
	@exec node bench/startup.ts

$(installed): package.json package-lock.json
	@test ! -L node_modules || { echo 'node_modules is a link, and npm would empty what it points to: install there' >&2; exit 1; }
	npm ci --no-audit --no-fund
	@touch $@
