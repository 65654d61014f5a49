# Two commands matter: `make validate` (the main job) and `make test`. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help validate test test-slow lint docs check clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "otgan needs Python >= 3.11; say which one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "this Python cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

validate: $(READY)  ## train a WGAN-GP critic on 8gaussians and judge it against exact optimal transport
	$(BIN)/otgan validate

test: $(READY)  ## the test suite, on two cores
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(READY)  ## the studies that take minutes
	$(BIN)/python -m pytest -m slow

lint: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

check: test lint docs  ## everything CI runs

clean:  ## remove the virtual environment, what was built, and caches, compiled loops among them
	rm -rf $(VENV) site build dist
	find otgan benchmarks tests examples -name __pycache__ -prune -exec rm -rf {} +
