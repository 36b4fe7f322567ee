# Placard. `make run` starts it, `make test` checks all of it; both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: --no-binary=flask-principal
WORKERS ?= 3
# every process, and every one that tests start, would compile all modules anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test lint check-sqlite check-postgresql check-browser soak bench pictures requirements clean verify

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Placard needs Python 3.11 or newer; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Placard runs on ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/development: requirements/development.txt $(VENV)/runtime
	@echo "Installing what the checks need ..."
	@$(INSTALL) -r requirements/development.txt
	@touch $@

run: $(VENV)/runtime ## Start Placard with its demonstration on http://127.0.0.1:8000 (PORT=...)
	@exec $(BIN)/flask --app app serve

verify: $(VENV)/runtime ## Prove every invariant of the local database
	@$(BIN)/flask --app app verify

test: $(VENV)/development ## Everything: lint, types, contracts, both databases, browser
	@$(MAKE) --no-print-directory lint >.lint.log 2>&1 & lint=$$!; \
	 $(MAKE) --no-print-directory check-sqlite; suite=$$?; \
	 wait $$lint; lint=$$?; [ $$lint = 0 ] && echo "Lint, types and contracts: clean" || cat .lint.log; test $$((suite + lint)) = 0
	@$(MAKE) --no-print-directory check-browser >.browser.log 2>&1 & browser=$$!; \
	 $(MAKE) --no-print-directory check-postgresql; suite=$$?; \
	 wait $$browser; browser=$$?; [ $$browser = 0 ] && tail -n 1 .browser.log || cat .browser.log; test $$((suite + browser)) = 0

lint: $(VENV)/development
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check-sqlite: $(VENV)/development ## The suite on SQLite
	@echo "Suite on SQLite"
	@TEST_DATABASE=sqlite $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore=tests/browser

check-postgresql: $(VENV)/development ## The suite on PostgreSQL (TEST_DATABASE_URL, else one of its own; ALL=1 for pages too)
	@echo "Suite on PostgreSQL"
	@TEST_DATABASE=postgresql $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(if $(ALL),,-m "not pages") tests/integration

check-browser: $(VENV)/development ## The story in headless Chromium
	@echo "Suite in the browser"
	@$(BIN)/python -m pytest tests/browser

soak: $(VENV)/development ## The proofs of money in full counts, recorded in docs/soak.md (about an hour)
	@$(BIN)/python -m tests.soak

bench: $(VENV)/development ## Measure pages, feeds, posting, the books, applications (ONLY=web, posting, books or applications)
	@$(BIN)/python -m benchmarks $(ONLY)

pictures: $(VENV)/development ## A screenshot of every page as each role, into pictures/ (ONLY=, WHO=, VIEWS=, EACH=, SERVED=)
	@$(BIN)/python -m operations.pictures $(if $(ONLY),--only '$(ONLY)') $(if $(WHO),--who $(WHO)) \
	  $(if $(VIEWS),--views $(VIEWS)) $(if $(EACH),--each $(EACH)) $(if $(SERVED),--served '$(SERVED)')

requirements: $(VENV)/development ## Compile the pinned requirements again
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make requirements" requirements/runtime.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make requirements" requirements/development.in -o requirements/development.txt

clean: ## Remove the environment and the local demonstration
	@rm -rf $(VENV) instance pictures
