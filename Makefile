# `make` lists the commands. Each one first sets up .venv (or $(VENV)) when it is missing or out of date.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PARALLEL := -n auto --dist worksteal

# Tests start hundreds of processes: each would compile all of the program again that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo check fast test static format docs bench newest clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## Audit the embedded organization and say where the reports are
	$(VENV)/bin/orgaudit demo

check: static fast ## Check format, lint and types, and run the fast tests (a minute)

fast: $(READY) ## Run the fast tests
	$(PYTHON) -m pytest $(PARALLEL) -m "not slow"

test: static ## Check format, lint and types, and run every test (minutes)
	$(PYTHON) -m pytest $(PARALLEL)

static: $(READY)
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy

format: $(READY) ## Format the code and apply the safe lint fixes
	$(PYTHON) -m ruff format
	$(PYTHON) -m ruff check --fix

docs: $(READY) ## Build the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict
	@echo "file://$(CURDIR)/site/index.html"

bench: $(READY) ## Run the benchmarks, append to docs/bench.csv, show changes
	$(PYTHON) scripts/bench_history.py

newest: ## Run every test with the newest dependencies, in an environment of its own
	scripts/test_newest.sh

clean: ## Remove .venv, caches and build output; reports stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock
	@scripts/setup_environment.sh $(VENV)
	@touch $@
