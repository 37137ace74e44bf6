# `make` lists the commands. Each one first sets up .venv when it is missing or out of date.

PYTHON := .venv/bin/python
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test format bench clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## Audit the embedded organization and say where the reports are
	.venv/bin/orgaudit demo

test: $(READY) ## Check format, lint and types, then run the tests
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest

format: $(READY) ## Format the code and apply the safe lint fixes
	$(PYTHON) -m ruff format
	$(PYTHON) -m ruff check --fix

bench: $(READY) ## Measure CPU time a call and peak memory, beside the bare SDK
	$(PYTHON) scripts/bench_calls.py
	$(PYTHON) scripts/bench_access.py
	$(PYTHON) scripts/bench_memory.py
	$(PYTHON) scripts/bench_evaluate.py
	$(PYTHON) scripts/count_calls.py

clean: ## Remove .venv, caches and build output; reports stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock
	@scripts/setup_environment.sh
	@touch $@
