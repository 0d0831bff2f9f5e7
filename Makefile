# Everything that is done with this repository. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Idle OpenMP threads sleep instead of spinning, which on a busy machine is many times faster.
export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first of these that is Python 3.11 or newer makes the environment; `make install PYTHON=/path/to/python` chooses.
PYTHON ?= $(firstword $(foreach candidate,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell \
	$(candidate) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(candidate))))
WORKERS ?= 2

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------ environment

.PHONY: install
install: $(STAMP)  ## Make .venv and install mapsto with everything its development needs

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "mapsto needs Python 3.11 or newer; found $$(python3 --version 2>&1 || echo none)." >&2; \
		echo "Install one (Debian, Ubuntu: apt install python3.11 python3.11-venv), or name it: make install PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) cannot make environments. Install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; \
		exit 1; \
	fi
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV) (a few minutes the first time)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# ------------------------------------------------------------------------------------------ checks

.PHONY: format
format: $(STAMP)  ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: lint
lint: $(STAMP)  ## Check format and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: typecheck
typecheck: $(STAMP)  ## Check types
	$(BIN)/mypy

.PHONY: imports
imports: $(STAMP)  ## Check the import contract between the rooms
	$(BIN)/lint-imports

.PHONY: test
test: lint typecheck imports  ## Check lint, types, the import contract, and run all fast tests
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

.PHONY: test-all
test-all: lint typecheck imports  ## The same with the long checks on real data (MAPSTO_DATA, ../shared/data), and Keras on all backends
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[jax,tensorflow]'
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m ''

# ------------------------------------------------------------------------------------------ docs

.PHONY: docs
docs: $(STAMP)  ## Build the documentation into site/
	$(BIN)/zensical build --clean --strict

.PHONY: docs-serve
docs-serve: $(STAMP)  ## Show the documentation while it is written
	$(BIN)/zensical serve

.PHONY: handbook
handbook: $(STAMP)  ## Make every figure of the handbook from its run, check the claims, then build the documentation
	$(BIN)/python docs/.handbook/build.py
	$(BIN)/zensical build --clean --strict

.PHONY: settings
settings: $(STAMP)  ## Write the pages that list every setting, from the settings themselves
	$(BIN)/python docs/.settings/page.py

# ------------------------------------------------------------------------------------------ runs

.PHONY: demo
demo: $(STAMP)  ## Tune a network on the digits data within two minutes; writes runs/demo/report.html
	$(BIN)/mapsto tune digits --budget 90s --out runs/demo --overwrite

.PHONY: bench-loop
bench-loop: $(STAMP)  ## Measure the training loop beside a bare PyTorch loop; writes benchmarks/results/loop.json
	$(BIN)/python benchmarks/loop.py

.PHONY: bench-augment
bench-augment: $(STAMP)  ## Measure what each augmentation adds to a step; writes benchmarks/results/augmentations.json
	$(BIN)/python benchmarks/augmentations.py

.PHONY: bench-finders
bench-finders: $(STAMP)  ## Set the learning-rate finder beside a grid of whole runs; writes benchmarks/results/finders.json
	$(BIN)/python benchmarks/finders.py

.PHONY: bench-defaults
bench-defaults: $(STAMP)  ## Set the default recipe beside random ones on twelve sets; writes benchmarks/results/defaults.json
	$(BIN)/python benchmarks/defaults.py

.PHONY: bench-target
bench-target: $(STAMP)  ## Measure the time to a target beside plain Adam; writes benchmarks/results/target.json
	$(BIN)/python benchmarks/target.py

.PHONY: bench-data
bench-data: $(STAMP)  ## Train on the real data sets beside plain baselines; writes benchmarks/results/real_data.json
	$(BIN)/python benchmarks/real_data.py

.PHONY: bench-images
bench-images: $(STAMP)  ## Measure epochs over photographs beside torchvision's loader; writes benchmarks/results/images.json
	$(BIN)/python -c 'import torchvision' 2>/dev/null || $(BIN)/python -m pip install --quiet --constraint constraints.txt torchvision
	$(BIN)/python benchmarks/images.py

.PHONY: bench-audit
bench-audit: $(STAMP)  ## Plant faults in the real data sets and count what the audit finds; writes benchmarks/results/audit.json
	$(BIN)/python benchmarks/audit.py

.PHONY: bench-search
bench-search: $(STAMP)  ## Set the search beside a plain Optuna script on ten pairs; writes benchmarks/results/search.json
	$(BIN)/python benchmarks/search.py

.PHONY: bench-streaming
bench-streaming: $(STAMP)  ## Read data ten times larger than `data.memory`; writes benchmarks/results/streaming.json
	$(BIN)/python benchmarks/streaming.py

.PHONY: bench-honesty
bench-honesty: $(STAMP)  ## Simulate studies: wrong claims, and how often the best recipe is named; writes benchmarks/results/honesty.json
	$(BIN)/python benchmarks/honesty.py

.PHONY: bench-portfolio
bench-portfolio: $(STAMP)  ## Build the shipped recipes and measure their gain on sets left out; writes benchmarks/results/portfolio.json
	$(BIN)/python benchmarks/portfolio.py

.PHONY: bench-overhead
bench-overhead: $(STAMP)  ## Measure what the tuner adds to a trial, up to 5,000 trials; writes benchmarks/results/overhead.json
	$(BIN)/python benchmarks/overhead.py

.PHONY: bench-chaos
bench-chaos: $(STAMP)  ## Let 200 random faults happen to a study; writes benchmarks/results/chaos.json
	$(BIN)/python benchmarks/chaos.py

.PHONY: bench-keras
bench-keras: $(STAMP)  ## Measure an epoch of Keras models beside model.fit alone; writes benchmarks/results/keras_overhead.json
	$(BIN)/python benchmarks/keras_overhead.py

.PHONY: bench-keras-memory
bench-keras-memory: $(STAMP)  ## Run 300 trials of a Keras network on each backend; writes benchmarks/results/keras_memory.json
	$(BIN)/python benchmarks/keras_memory.py

.PHONY: bench-parity
bench-parity: $(STAMP)  ## Run one study in process, on two processes and with Ray; writes benchmarks/results/parity.json
	$(BIN)/python benchmarks/parity.py

.PHONY: bench-memory
bench-memory: $(STAMP)  ## Watch a worker's memory over 500 trials; writes benchmarks/results/memory.json
	$(BIN)/python benchmarks/memory.py

.PHONY: clean
clean:  ## Remove what was built, but neither .venv nor runs/
	rm -rf site build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
