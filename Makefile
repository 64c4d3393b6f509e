# Causette: `make serve` starts it, `make test` tests it. Python 3.11 or newer is all that has to be there.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
DATA   ?= data
# Tests wait as much as they work.
WORKERS ?= 3

VENV := .venv
BIN  := $(VENV)/bin
# The machine's npm where there is one, else the one that comes with the development packages.
export PATH := $(PATH):$(CURDIR)/$(BIN)
# What an installation is made from: when one of these is newer, it is made again.
WEB := $(shell find web -type f -not -path '*/node_modules/*')
SOURCES := pyproject.toml hatch_build.py $(WEB) $(shell find src -type f -not -path '*/dist/*' -not -name '*.pyc')

.PHONY: help setup serve test check format bench clean

help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.installed ## Start Causette on http://HOST:PORT with its data in DATA
	@$(BIN)/causette serve --host $(HOST) --port $(PORT) --data $(DATA)

setup: $(VENV)/.developing ## Install everything for development into .venv

test: $(VENV)/.developing $(VENV)/.installed ## Run every test
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
	npm --prefix web test
	npm --prefix web run size
	npm --prefix web run e2e

check: $(VENV)/.developing ## Formatter, linter, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	npm --prefix web run check

format: $(VENV)/.developing ## Format what can be formatted
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	npm --prefix web run format

bench: $(VENV)/.developing ## Run the benchmarks (minutes; they print what they measure)
	$(BIN)/python bench/serving.py
	$(BIN)/python bench/gateway.py
	$(BIN)/python bench/fairness.py
	$(BIN)/python bench/assistant.py
	$(BIN)/python bench/lab.py

clean: ## Remove what was made, but not the data
	rm -rf $(VENV) dist build artifacts .bench .pytest_cache .ruff_cache web/node_modules src/causette/http/dist

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

# Only what serving needs; an installation for development serves as well, once its web app is current.
$(VENV)/.installed: $(SOURCES) | $(VENV)/bin/pip
	@echo "Installing Causette into $(VENV) (a minute or two the first time)"
	@if [ -e $(VENV)/.developing ]; then \
		$(BIN)/pip install --quiet --no-deps --editable .; \
	else \
		$(BIN)/pip install --quiet .; \
	fi
	@touch $@

$(VENV)/.developing: pyproject.toml hatch_build.py web/package-lock.json | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	npm --prefix web ci --no-audit --no-fund
	@touch $@ $(VENV)/.installed
