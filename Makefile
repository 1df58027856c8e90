# Muniment: `make` tells what there is. Nothing but make and a Python from 3.11 on is needed.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
UV ?= uv

# The first Python that is new enough and can make a virtual environment; `make PYTHON=...` chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && $$python -c 'import ensurepip, venv' 2>/dev/null \
	&& echo $$python && break; done)

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKS := requirements/run.txt requirements/build.txt
LOCK := pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet

.PHONY: help
help:
	@echo "make demo    load the sample export into SQLite and look around (installs into $(VENV) first)"
	@echo "make test    install what the tests need, check the code, run every test on real databases"
	@echo "make check   style and types only: ruff, mypy"
	@echo "make lock    renew requirements/*.txt from pyproject.toml (needs uv)"
	@echo "make clean   remove $(VENV), the demo's database and what tools left behind"
	@echo
	@echo "Another Python than the first one found:  make demo PYTHON=python3.12"

.PHONY: demo
demo: $(VENV)/run.stamp
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/sample/demo.sh

.PHONY: test
test: check
	@$(BIN)/python -m compileall -q src  # hundreds of processes that tests start would each do it for themselves
	@$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal

.PHONY: check
check: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: lock
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	$(UV) $(LOCK) --upgrade requirements/build.in -o requirements/build.txt
	$(UV) $(LOCK) --upgrade pyproject.toml -o requirements/run.txt
	$(UV) $(LOCK) --upgrade pyproject.toml --extra dev --extra arrow --extra async --extra dask --extra xlsx -c requirements/run.txt -o requirements/dev.txt
	$(UV) $(LOCK) --upgrade pyproject.toml --extra bench -c requirements/run.txt -o requirements/bench.txt

.PHONY: clean
clean:
	rm -rf $(VENV) demo.db demo.db-wal demo.db-shm .pytest_cache .mypy_cache .ruff_cache .hypothesis build

$(VENV)/bin/python:
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Muniment needs Python 3.11 or newer with the venv module, and found none on the PATH."; \
		echo "On Debian and Ubuntu: apt-get install python3-venv. Elsewhere: https://www.python.org/downloads/"; \
		echo "If you have one somewhere else: make PYTHON=/path/to/python3"; \
		exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; \
		exit 1; }

$(VENV)/run.stamp: $(VENV)/bin/python pyproject.toml $(LOCKS)
	@echo "Installing Muniment and its locked dependencies into $(VENV) ..."
	@$(INSTALL) --require-hashes $(LOCKS:%=-r %)
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@
