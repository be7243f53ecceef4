# The bare `make` lists the verbs.  Everything lands in .venv, pwa/node_modules, build and
# server/leadline/static; `make clean` removes what was built and leaves the first two.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCKED := $(PIP) install --require-hashes --no-deps
PAGES  := $(BIN)/python deploy/build_pwa.py
ARGS   ?=

KERNELS := $(shell grep -rlE --include='*.py' '^from (numba|leadline.domain.raw_memory) import' server)
STEPS := lint types test-server test-pwa test-browser

.DEFAULT_GOAL := help
.PHONY: help run test build dev lint types test-server test-pwa test-browser pictures faults alert-days simulate fuzz kills score bench bench-wire bench-streams bench-fanout bench-start bench-ingest bench-book bench-heat bench-app lighthouse bench-push bench-delay peers lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## the app on http://127.0.0.1:8787 (more flags: make run ARGS="--port 9000")
	@exec $(BIN)/leadline serve --market auto $(ARGS)

test: dev ## lint, types, server, app and browser tests, then one verdict
	@passed=; failed=; \
	for step in $(STEPS); do \
	  printf '\n== %s ==\n' "$$step"; \
	  if $(MAKE) --no-print-directory "$$step"; then passed="$$passed $$step"; else failed="$$failed $$step"; fi; \
	done; \
	printf '\n== verdict ==\n'; \
	for step in $$passed; do printf 'passed  %s\n' "$$step"; done; \
	for step in $$failed; do printf 'FAILED  %s\n' "$$step"; done; \
	set -- $$passed; good=$$#; set -- $$failed; printf '%s passed, %s failed\n' "$$good" "$$#"; \
	test -z "$$failed"

build: $(VENV)/.run build/.warm ## the app's pages and compiled code, if they are stale
	@if [ -n "$$($(PAGES) requires)" ]; then $(LOCKED) -r requirements/node.txt; fi
	@$(PAGES)

dev: $(VENV)/.dev

lint: dev ## ruff and biome
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(PAGES) npm run --silent lint

types: dev ## mypy --strict and tsc
	$(BIN)/mypy
	@$(PAGES) npm run --silent types

test-server: dev build/.warm
	@$(PAGES)
	$(BIN)/python -m pytest -n 4 -m "not browser" $(ARGS)

test-pwa: dev
	@$(PAGES) npm run --silent test

test-browser: dev build/.warm
	@$(PAGES)
	@chromium="$$($(BIN)/python tests/browser/find_chromium.py --install)" && \
	LEADLINE_CHROMIUM="$$chromium" $(BIN)/python -m pytest -n 2 -m browser tests/browser $(ARGS)

faults: dev ## adapters against the twin's truth under faults, many seeds (SEEDS=1-100)
	LEADLINE_SEEDS=$(or $(SEEDS),1-40) $(BIN)/python -m pytest -n 2 tests/twin/test_adapters.py $(ARGS)

pictures: dev ## every screen in every look, in build/pictures
	@$(PAGES)
	LEADLINE_PICTURES=all $(BIN)/python -m pytest -n 2 tests/browser/test_looks.py $(ARGS)

kills: dev ## alerts over so many kills of the server at random moments (KILLS=100)
	LEADLINE_KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest tests/server/push/test_kills.py $(ARGS)

score: dev ## the estimate against the simulated truth: SEEDS="1 2" DAYS=30 ARGS="--symbols BTCUSDT", one JSON line a seed in build/score.jsonl
	@mkdir -p build
	@printf '%s\n' $(or $(SEEDS),1 2 3 4 5 6 7 8) | \
	  xargs -P 2 -I{} $(BIN)/leadline score --market twin --seed {} --days $(or $(DAYS),30) --json $(ARGS) | tee build/score.jsonl

alert-days: dev ## hours of simulated market at the alert desk (SEEDS=1-8 HOURS=24)
	LEADLINE_SEEDS=$(or $(SEEDS),1-8) LEADLINE_HOURS=$(or $(HOURS),24) \
	  $(BIN)/python -m pytest -n 2 tests/twin/test_alert_day.py $(ARGS)

simulate: dev ## ten minutes of market under faults, and the times of recovery, in virtual time (SEEDS=1-200)
	LEADLINE_SEEDS=$(or $(SEEDS),1-200) $(BIN)/python -m pytest -n 2 tests/twin/test_simulation.py $(ARGS)
	$(BIN)/python -m tests.twin.recovery $(or $(SEEDS),1-200)

fuzz: dev ## ten minutes of damaged messages, answers and recordings (SECONDS=60 for each of the tests)
	LEADLINE_FUZZ_S=$(or $(SECONDS),60) $(BIN)/python -m pytest -n 2 tests/fuzz $(ARGS)

bench: bench-wire bench-streams bench-fanout bench-start bench-ingest bench-book bench-heat bench-app bench-push bench-delay ## every benchmark; results in build/bench

bench-wire: dev ## bytes a second of a ladder on recorded markets
	$(BIN)/python -m tests.bench.bench_wire

bench-streams: dev ## bytes a second of every stream, on the twin and on a recorded market
	$(BIN)/python -m tests.bench.bench_streams $(ARGS)

bench-fanout: dev peers ## one frame to a thousand phones, beside other servers and the bare transport
	$(BIN)/python -m tests.bench.bench_fanout $(ARGS)

bench-start: dev ## from a process's start to the first frame on a phone
	$(BIN)/python -m tests.bench.bench_start $(ARGS)

bench-ingest: dev ## what three venues of forty symbols cost, at live rates
	$(BIN)/python -m tests.bench.bench_ingest $(ARGS)

bench-heat: dev ## what the liquidation bands cost, beside plain numpy and the memory's own speed
	$(BIN)/python -m tests.bench.bench_heat $(ARGS)

lighthouse: dev ## Lighthouse's mobile scores of the app, which it installs under build/
	@$(PAGES)
	$(BIN)/python -m tests.browser.lighthouse

bench-app: dev ## the app on a slowed phone: script a frame, long tasks, heap over time, first picture
	@$(PAGES)
	$(BIN)/python -m tests.bench.bench_app $(ARGS)

bench-book: dev peers ## a venue's bytes to a readable book, beside other packages
	$(BIN)/python -m tests.bench.bench_book $(ARGS)

bench-push: dev ## an alert to a thousand devices, beside a running ladder
	$(BIN)/python -m tests.bench.bench_push $(ARGS)

bench-delay: dev ## from a venue's message to the push service, stage by stage
	@$(PAGES)
	$(BIN)/python -m tests.bench.bench_delay $(ARGS)

peers: build/peers/.done ## what benchmarks measure against, in an environment of its own

build/peers/.done: requirements/peers.txt | $(BIN)/python
	@rm -rf build/peers && $(PYTHON) -m venv build/peers
	@grep -v '^#' requirements/peers.txt | while read -r packages; do \
	  echo "installing $$packages"; \
	  build/peers/bin/python -m pip --disable-pip-version-check -qq install $$packages \
	    || echo "left out: $$packages cannot be installed here"; \
	done
	@touch $@

lock: dev ## write requirements/*.txt again from pyproject.toml
	$(BIN)/python deploy/lock.py $(ARGS)

clean: ## remove what was built
	rm -rf build dist server/leadline/static .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find server tests deploy -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Leadline needs Python 3.11 or newer as $(PYTHON); name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; install its venv package" >&2; exit 1; }

# Stale by the same sign as numba's own caches: a changed source of compiled code, or other packages.
build/.warm: $(KERNELS) $(VENV)/.run
	@$(BIN)/leadline warm
	@mkdir -p $(@D) && touch $@

# The pages are built by their own step, so that a change of them needs no new install.
$(VENV)/.run: requirements/run.txt pyproject.toml deploy/build_pwa.py | $(BIN)/python
	@echo "installing into $(VENV)"
	@$(LOCKED) -r requirements/run.txt
	@LEADLINE_SKIP_PWA=1 $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(LOCKED) -r requirements/dev.txt
	@touch $@
